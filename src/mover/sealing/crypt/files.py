"""Names and contents of a crypt remote (rclone.org/crypt, "File formats")."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

import nacl.bindings
import nacl.exceptions

from mover.errors import NameRejected
from mover.sealing.age.recipients import Draw
from mover.sealing.blocks import Layout, Unsealable
from mover.sealing.crypt.eme import BLOCK, MOST_BLOCKS, Eme
from mover.sealing.crypt.obfuscation import obfuscate, reveal
from mover.sealing.crypt.settings import CryptSettings, NameEncryption
from mover.sealing.crypt.spelling import spell_name, unspell_name
from mover.sealing.streams import Sealing

MAGIC = b"RCLONE\x00\x00"
NONCE = 24
LAYOUT = Layout(len(MAGIC) + NONCE, empty_block=False)
_DEFAULT_SALT = bytes.fromhex("a80df43a8fbd0308a7cab83e581f86b1")  # of remotes without a salt of their own
_KEY, _TWEAK = 32, 16


@dataclass(frozen=True)
class BoxCipher:
    """Secret boxes whose nonces count up from the file's. Satisfies `blocks.BlockCipher`; nothing marks the last one."""

    key: bytes = field(repr=False)
    nonce: bytes

    def seal(self, index: int, block: bytes, *, last: bool) -> bytes:  # noqa: ARG002 - the protocol's parameters
        """Seal a block."""
        return nacl.bindings.crypto_secretbox(block, self._nonce(index), self.key)

    def open(self, index: int, sealed: bytes, *, last: bool) -> bytes:  # noqa: ARG002 - as above
        """Open a block. Raises Unsealable."""
        try:
            return nacl.bindings.crypto_secretbox_open(sealed, self._nonce(index), self.key)
        except (nacl.exceptions.CryptoError, ValueError):
            raise Unsealable(
                "the password is another one, or it was changed after it was encrypted"
            ) from None

    def _nonce(self, index: int) -> bytes:
        number = int.from_bytes(self.nonce, "little") + index
        return (number % (1 << 8 * NONCE)).to_bytes(NONCE, "little")


class Crypt:
    """One crypt remote: its keys are made once, which takes a moment (scrypt)."""

    def __init__(self, settings: CryptSettings) -> None:
        salt = settings.salt.reveal().encode() or _DEFAULT_SALT
        made = hashlib.scrypt(
            settings.password.reveal().encode(),
            salt=salt,
            n=16_384,
            r=8,
            p=1,
            maxmem=1 << 26,
            dklen=2 * _KEY + _TWEAK,
        )
        self._data_key = made[:_KEY]
        self._name_key = made[_KEY : 2 * _KEY]
        self._eme = Eme(self._name_key, made[2 * _KEY :])
        self._settings = settings

    what = "files of rclone's crypt"
    reversible = True

    def is_always_moved(self, name: str) -> bool:  # noqa: ARG002 - as other formats have it
        """False: names tell themselves."""
        return False

    @property
    def mark(self) -> str:
        """Equal for equal passwords and settings. It helps to guess the password: nobody else's to see."""
        settings = f"{self._settings.names} {self._settings.folder_names} {self._settings.encoding} {self._settings.suffix}"
        return hmac.new(self._name_key, settings.encode(), hashlib.sha256).hexdigest()

    @property
    def tells_capitals(self) -> bool:
        """Encrypted names differ in nothing but capitals: the service must tell them apart."""
        return self._settings.names is NameEncryption.STANDARD and self._settings.encoding.value == "base64"

    @property
    def hides_names(self) -> bool:
        """Names are encrypted, so a wrong password shows at once."""
        return self._settings.names is NameEncryption.STANDARD

    @property
    def plain_name_is_no_proof(self) -> bool:
        """Names of folders are not encrypted, so they do not show that the password is the right one."""
        return not self._settings.folder_names

    @property
    def layout(self) -> Layout:
        """Where the bytes of its files are."""
        return LAYOUT

    def is_sealed(self, start: bytes) -> bool | None:  # noqa: ARG002 - as other formats have it
        """False: what is encrypted already is encrypted once more, as rclone does, so that one password opens all."""
        return False

    def is_called_sealed(self, name: str) -> bool:  # noqa: ARG002 - as above
        """False, likewise."""
        return False

    def file(self, draw: Draw = secrets.token_bytes) -> Sealing:
        """How one file is sealed whose nonce is drawn."""
        nonce = draw(NONCE)
        return Sealing(MAGIC + nonce, BoxCipher(self._data_key, nonce), empty_block=False)

    def opened(self, start: bytes) -> BoxCipher:
        """How the file is opened that starts so. Raises Unsealable: it is no file of crypt."""
        if not start.startswith(MAGIC) or len(start) < LAYOUT.prefix:
            raise Unsealable("it does not begin as a file of crypt does")
        return BoxCipher(self._data_key, start[len(MAGIC) : LAYOUT.prefix])

    def name(self, name: str, *, folder: bool) -> str:
        """Encrypt a name. Raises NameRejected: it is too long for that."""
        settings = self._settings
        if folder and not settings.folder_names:
            return name
        match settings.names:
            case NameEncryption.OFF:
                return name if folder else name + settings.suffix
            case NameEncryption.OBFUSCATE:
                return obfuscate(name, self._name_key)
            case NameEncryption.STANDARD:
                raw = name.encode()
                pad = BLOCK - len(raw) % BLOCK
                if len(raw) + pad > BLOCK * MOST_BLOCKS:
                    raise NameRejected("the name is too long to be encrypted", path=name)
                return spell_name(self._eme.encrypt(raw + bytes([pad]) * pad), settings.encoding)

    def plain_name(self, name: str, *, folder: bool) -> str:
        """Decrypt a name. Raises ValueError: it was not encrypted with this password."""
        settings = self._settings
        if folder and not settings.folder_names:
            return name
        plain = ""
        match settings.names:
            case NameEncryption.OFF:
                if folder:
                    return name
                plain = name.removesuffix(settings.suffix)
                if settings.suffix and plain == name:
                    raise ValueError("it lacks the suffix of encrypted files")
            case NameEncryption.OBFUSCATE:
                plain = reveal(name, self._name_key)
            case NameEncryption.STANDARD:
                plain = self._decrypted(name)
        if not plain or "/" in plain or "\0" in plain or plain in {".", ".."}:
            raise ValueError("no name that a file could have")
        return plain

    def is_own_name(self, name: str) -> bool | None:
        """Whether a name was encrypted with this password; False: with another one, None: nothing tells."""
        if not self.hides_names:
            return None
        try:
            if len(unspell_name(name, self._settings.encoding)) % BLOCK:
                return None
        except ValueError:
            return None
        try:
            self.plain_name(name, folder=False)
        except ValueError:
            return False
        return True

    def _decrypted(self, name: str) -> str:
        padded = self._eme.decrypt(unspell_name(name, self._settings.encoding))
        pad = padded[-1]
        if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise ValueError("another password, or not an encrypted name")
        return padded[:-pad].decode()
