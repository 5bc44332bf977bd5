"""`optix keys`: which keys sign and verify access tokens, and changing them without a sign-out.

A rotation in one program is one step. Where several run, none may sign with a key that another does
not know yet, so it is three, with a rolling restart after each: publish the new key behind the old
one, let it sign, drop the old one once its last tokens have ended.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS, SigningKey
from optix.kernel.errors import Conflict
from optix.platform.secrets import (
    FILE_MODE,
    load_secrets,
    new_signing_key,
    read_signing_keys,
    signing_key_blocks,
)
from optix.platform.settings import Settings

Step = Literal["publish", "switch", "drop"]


class KeysNotOurs(Conflict):
    code = "keys_not_ours"
    next_step = (
        "Put the keys into a file and name it in OPTIX_SIGNING_KEY_FILE, or change the variable "
        "where you keep it: PEM blocks one after the other, the first one signs."
    )


class StepOutOfOrder(Conflict):
    code = "step_out_of_order"
    next_step = "`optix keys list` shows what there is: publish, then switch, then drop."


@dataclass(frozen=True, slots=True)
class KeyInfo:
    id: str
    signs: bool


def list_keys(settings: Settings) -> list[KeyInfo]:
    """Return the keys in their order."""
    keys = [SigningKey(key) for key in load_secrets(settings).private_keys()]
    return [KeyInfo(key.id, signs=key is keys[0]) for key in keys]


def rotate(settings: Settings, step: Step) -> str:
    """Do one step in the key file; return what to do next, for the operator.

    Effects: writes the file whole or not at all, with the rights it had.
    Errors:  KeysNotOurs where the keys come from a variable; StepOutOfOrder.
    """
    path = _file(settings)
    blocks = signing_key_blocks(path.read_text())
    ids = [SigningKey(key).id for key in read_signing_keys(path.read_text())]
    changed, said = _STEPS[step](blocks, ids)
    _replace(path, "".join(f"{block.strip()}\n" for block in changed))
    return said


def _publish(blocks: Sequence[str], ids: Sequence[str]) -> tuple[list[str], str]:
    if len(blocks) > 1:
        raise StepOutOfOrder(f"A second key waits already ({ids[1]}).")
    return (
        [*blocks, new_signing_key()],
        (
            "The new key is published and does not sign yet. Restart every process, then run "
            "`optix keys rotate --step switch`."
        ),
    )


def _switch(blocks: Sequence[str], ids: Sequence[str]) -> tuple[list[str], str]:
    if len(blocks) != 2:
        raise StepOutOfOrder("There is no second key to switch to.")
    minutes = ACCESS_TOKEN_SECONDS // 60
    return (
        [blocks[1], blocks[0]],
        (
            f"The key {ids[1]} signs now, and {ids[0]} still verifies. Restart every process, wait "
            f"{minutes} minutes after the last one, then run `optix keys rotate --step drop`."
        ),
    )


def _drop(blocks: Sequence[str], ids: Sequence[str]) -> tuple[list[str], str]:
    if len(blocks) < 2:
        raise StepOutOfOrder("There is only one key.")
    dropped = ", ".join(ids[1:])
    return (
        [blocks[0]],
        f"Tokens of {dropped} are refused from the next start on. Restart every process.",
    )


_STEPS: dict[Step, Callable[[Sequence[str], Sequence[str]], tuple[list[str], str]]] = {
    "publish": _publish,
    "switch": _switch,
    "drop": _drop,
}


def _file(settings: Settings) -> Path:
    if settings.secrets.signing_key is not None:
        raise KeysNotOurs("The keys come from OPTIX_SIGNING_KEY, which this command cannot change.")
    load_secrets(settings)  # makes the file on the first run, and refuses an unreadable one
    return settings.secrets.signing_key_file or settings.data_dir / "secrets" / "signing_key"


def _replace(path: Path, text: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) & FILE_MODE
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or FILE_MODE)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
        part.rename(path)
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)
