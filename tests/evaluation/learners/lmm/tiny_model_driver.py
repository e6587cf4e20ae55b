"""A process that makes a tiny vision-language model of random weights, asks it a few questions itself, and serves it.

`python -m … FOLDER`: FOLDER gets ``tiny/`` (the model), ``asked.json`` (conversations, from whoever starts this) is
read, ``answered.json`` (what the model says, in this process) is written; then `transformers serve` begins, on any
free port, and says which.

The model is a LLaVA with a tokenizer of bytes. Of all tokens it may only say three, each a word: with a longest answer
of one token it says one of them, which hangs on every pixel and every byte that it is shown.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.cli.transformers import main as command

WORDS = ("cat", "dog", "fox")
SPECIAL = ("<pad>", "<s>", "</s>", "<image>")
SIDE, PATCH = 28, 14
TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}:{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}<s>assistant:"
)


def tokenizer() -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    made.add_tokens(list(WORDS))
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
    )


def processor() -> LlavaProcessor:
    return LlavaProcessor(
        image_processor=CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
        tokenizer=tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=TEMPLATE,
    )


def model(words: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    ids = {text: words.convert_tokens_to_ids(text) for text in (*SPECIAL, *WORDS)}
    size = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "initializer_range": 0.7}
    named = {"bos_token_id": ids["<s>"], "eos_token_id": ids["</s>"], "pad_token_id": ids["<pad>"]}
    torch.manual_seed(0)
    made = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                image_size=SIDE, patch_size=PATCH, num_hidden_layers=2, projection_dim=16, **size
            ),
            text_config=LlamaConfig(
                vocab_size=len(words),
                num_hidden_layers=2,
                num_key_value_heads=2,
                max_position_embeddings=4096,
                **size,
                **named,
            ),
            image_token_index=ids["<image>"],
            image_seq_length=(SIDE // PATCH) ** 2,
        )
    ).eval()
    with torch.no_grad():
        for name, weights in made.named_parameters():
            if "language_model" in name and "self_attn" in name:
                weights.mul_(3)  # or all it says hangs on the last token, which is always the same
    unsaid = [place for place in range(len(words)) if place not in {ids[word] for word in WORDS}]
    made.generation_config = GenerationConfig(suppress_tokens=unsaid, do_sample=False, **named)
    return made


def said(model: LlavaForConditionalGeneration, reading: LlavaProcessor, messages: list[dict[str, Any]]) -> Any:
    """What the model says to OpenAI's messages, and how many tokens they are, with nothing of a server between."""
    text, images = "", []
    for message in messages:
        content = message["content"]
        text += f"<s>{message['role']}:"
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                text += part["text"]
                continue
            text += "<image>"
            encoded = part["image_url"]["url"].partition(",")[2]
            images.append(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))
    inputs = reading(images=images, text=f"{text}<s>assistant:", return_tensors="pt", add_special_tokens=False)
    with torch.inference_mode():
        made = model.generate(**inputs, max_new_tokens=1)
    tokens = inputs["input_ids"].shape[1]
    return {"text": reading.tokenizer.decode(made[0, tokens:]), "tokens": tokens}


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    reading = processor()
    speaking = model(reading.tokenizer)
    answered = [said(speaking, reading, messages) for messages in json.loads(Path("asked.json").read_text())]
    Path("answered.json").write_text(json.dumps(answered))
    speaking.save_pretrained("tiny")
    reading.save_pretrained("tiny")
    sys.argv = ["transformers", "serve", "tiny", "--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    command()
