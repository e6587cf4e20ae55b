"""The encoders that requests may use."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from invariantselect.wire.encoders import EncoderInfo, EncoderList, Quantisation
from service.access.scoped import READ
from service.http.openapi import problems
from service.routers.parameters import WithServices

router = APIRouter(tags=["encoders"], dependencies=[Depends(READ)])


@router.get("/v1/encoders", summary="List the encoders", responses=problems(), operation_id="list_encoders")
def list_encoders(services: WithServices) -> EncoderList:
    """The default one first. One that nobody has used yet is not loaded, and only its name is known."""
    infos = []
    for name in services.encoders.names:
        identity = services.encoders.identity(name)
        if identity is None:
            infos.append(EncoderInfo(name=name, loaded=False))
            continue
        infos.append(
            EncoderInfo(
                name=name,
                version=identity.version,
                fingerprint=identity.fingerprint,
                dim=identity.dim,
                runtime=identity.runtime,
                device=identity.device,
                precision=identity.precision,
                image_size=identity.image_size,
                runtime_instead=identity.runtime_instead,
                quantisation=identity.quantisation and Quantisation.model_validate(identity.quantisation.to_json()),
                loaded=True,
            )
        )
    return EncoderList(encoders=infos)
