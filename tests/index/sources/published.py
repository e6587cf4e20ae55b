"""Published data sets, a few images each, laid out as their archives unpack."""

from __future__ import annotations

from pathlib import Path

from tests.index.sources.files import put

CAMELYON17 = """,patient,node,x_coord,y_coord,tumor,slide,center,split
0,004,4,3328,21792,1,0,0,0
1,004,4,3200,22272,0,0,0,1
2,017,1,1000,2000,0,5,0,0
3,017,2,1096,2000,1,6,0,1
4,020,2,640,960,1,10,1,0
5,042,3,512,512,0,23,2,1
6,072,0,96,192,0,30,3,0
7,099,4,0,64,1,49,4,1
"""
HAM10000 = """lesion_id,image_id,dx,dx_type,age,sex,localization,dataset
HAM_0000118,ISIC_0027419,bkl,histo,80.0,male,scalp,vidir_modern
HAM_0000118,ISIC_0025030,bkl,histo,80.0,male,scalp,vidir_modern
HAM_0002730,ISIC_0026769,nv,follow_up,,female,unknown,rosendahl
HAM_0001466,ISIC_0031633,akiec,consensus,37.5,unknown,ear,vienna_dias
"""
PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
CLASSES = ("dog", "house")


def camelyon17(root: Path, table: str = CAMELYON17) -> Path:
    """``camelyon17_v1.0`` with a patch for each row of a table of sound rows."""
    directory = root / "camelyon17_v1.0"
    names = []
    for line in table.splitlines()[1:]:
        _, patient, node, x, y, *_ = line.split(",")
        slide = f"patient_{patient}_node_{node}"
        names.append(f"patches/{slide}/patch_{slide}_x_{x}_y_{y}.png")
    put(directory, *names)
    (directory / "metadata.csv").write_text(table)
    (directory / "RELEASE_v1.0.txt").touch()
    return directory


def ham10000(
    root: Path, table: str = HAM10000, name: str = "HAM10000_metadata", folders: tuple[str, ...] = PARTS
) -> Path:
    """The table and an image for each row, spread over the folders."""
    images = [line.replace("\t", ",").split(",")[1] for line in table.splitlines()[1:]]
    put(root, *(f"{folders[number % len(folders)]}/{image}.jpg" for number, image in enumerate(images)))
    (root / name).write_text(table)
    return root


def domains(root: Path, names: tuple[str, ...]) -> Path:
    """``root/<domain>/<class>/<image>``, two images each."""
    return put(root, *(f"{domain}/{label}/pic_00{n}.jpg" for domain in names for label in CLASSES for n in (1, 2)))
