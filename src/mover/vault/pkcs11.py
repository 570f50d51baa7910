"""A global key in a hardware security module (or SoftHSM): AES-GCM done inside, by a key that cannot be taken out.

Source: "PKCS #11 Cryptographic Token Interface Current Mechanisms Specification", 2.9.4 (AES-GCM). A wrapped key is
`nonce (12 bytes) || ciphertext || tag (16 bytes)`, with the place as additional authenticated data.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from typing import Any

from mover.errors import InvalidConfiguration, MoverError, ServiceFault, SignInFailed
from mover.vault.envelope import UnsealError
from mover.vault.secret import Secret
from mover.vault.secret_files import read_secret
from mover.vault.sources import Pkcs11Source

_SERVICE = "PKCS#11"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_AES_256_BITS = 256


class Pkcs11KeyProvider:
    """See `KeyProvider`. The module is loaded, and its session opened, on first use; calls run in threads, one at a time.

    A PIN that was refused is not tried again by this object: tokens lock themselves after a few wrong ones.

    All methods raise SignInFailed (PIN), ServiceFault (the token is away or failed), and InvalidConfiguration: python-pkcs11
    is not installed, no such module, token or key, or a key that could be taken out of the token.
    """

    def __init__(self, source: Pkcs11Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._session: Any = None
        self._key: Any = None
        self._refused = False
        named = f"{source.token}\0{source.key}"
        self._id = "pkcs11-" + hashlib.sha256(named.encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """See `KeyProvider`."""
        return f"the key {self._source.key!r} in the token {self._source.token!r}"

    async def key_id(self) -> str:
        """See `KeyProvider`. Made of the labels of token and key, which a restored or replicated token keeps."""
        return self._id

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + await asyncio.to_thread(self._use, "encrypt", key, nonce, where)

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        if len(wrapped) < _NONCE_BYTES + _TAG_BYTES:
            raise UnsealError
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        return await asyncio.to_thread(self._use, "decrypt", sealed, nonce, where)

    def _use(self, operation: str, data: bytes, nonce: bytes, where: bytes) -> bytes:
        p11 = _library(self._source)
        with self._lock:
            for last in (False, True):
                key = self._opened(p11)
                parameters = p11.GCMParams(nonce, where, _TAG_BYTES * 8)
                try:
                    done = getattr(key, operation)(
                        data, mechanism=p11.Mechanism.AES_GCM, mechanism_param=parameters
                    )
                except (p11.EncryptedDataInvalid, p11.EncryptedDataLenRange):
                    raise UnsealError from None
                except (p11.MechanismInvalid, p11.MechanismParamInvalid, p11.FunctionNotSupported):
                    raise _error(InvalidConfiguration, f"{self.title} cannot do AES-GCM") from None
                except p11.PKCS11Error as error:
                    if operation == "decrypt" and isinstance(error, p11.GeneralError | p11.FunctionFailed):
                        # What some tokens say of a wrong tag (SoftHSM does); a key that works tells the two apart.
                        self._probe(p11)
                        raise UnsealError from None
                    self._forget()
                    if last:
                        raise _error(
                            ServiceFault, f"{self.title} failed", said=type(error).__name__
                        ) from error
                else:
                    return bytes(done)
        raise AssertionError  # the loop has returned or raised

    def _probe(self, p11: Any) -> None:
        """Encrypt something. Raises ServiceFault if the token does not even do that."""
        try:
            self._opened(p11).encrypt(
                bytes(16),
                mechanism=p11.Mechanism.AES_GCM,
                mechanism_param=p11.GCMParams(os.urandom(_NONCE_BYTES), b"probe", _TAG_BYTES * 8),
            )
        except p11.PKCS11Error as error:
            self._forget()
            raise _error(ServiceFault, f"{self.title} failed", said=type(error).__name__) from error

    def _opened(self, p11: Any) -> Any:
        """Return the key, with a session that is signed in."""
        if self._key is not None:
            return self._key
        source = self._source
        if self._refused:
            raise _error(
                SignInFailed, f"the token {source.token!r} refused the PIN; correct it and start anew"
            )
        pin = read_secret(source.pin, source.pin_file, f"the PIN of the token {source.token!r}")
        try:
            token = p11.lib(str(source.module)).get_token(token_label=source.token)
            self._session = _signed_in(p11, token, pin)
            self._key = self._only_key(p11)
            self._check(p11, self._key)
        except BaseException as error:
            self._forget()
            if isinstance(error, p11.PKCS11Error):
                raise self._explained(p11, error) from error
            raise
        return self._key

    def _only_key(self, p11: Any) -> Any:
        attribute = p11.Attribute
        wanted = {
            attribute.CLASS: p11.ObjectClass.SECRET_KEY,
            attribute.KEY_TYPE: p11.KeyType.AES,
            attribute.LABEL: self._source.key,
        }
        # All of them, where `Session.get_key` would leave its search open at the second.
        match list(self._session.get_objects(wanted)):
            case []:
                raise p11.NoSuchKey
            case [key]:
                return key
            case _:
                raise p11.MultipleObjectsReturned

    def _check(self, p11: Any, key: Any) -> None:
        if key.key_length != _AES_256_BITS:
            raise _error(InvalidConfiguration, f"{self.title} is not an AES-256 key")
        sensitive = key[p11.Attribute.SENSITIVE]
        if key[p11.Attribute.EXTRACTABLE] or not sensitive:
            raise _error(
                InvalidConfiguration,
                f"{self.title} can be taken out of the token; make one that is sensitive and not extractable",
            )

    def _explained(self, p11: Any, error: Exception) -> MoverError:
        source = self._source
        match error:
            case p11.PinIncorrect() | p11.PinInvalid() | p11.PinLenRange():
                self._refused = True
                return _error(SignInFailed, f"the token {source.token!r} refused the PIN")
            case p11.PinLocked() | p11.PinExpired() | p11.UserPinNotInitialized():
                self._refused = True
                return _error(
                    SignInFailed,
                    f"the PIN of the token {source.token!r} is locked, expired or not set; have it reset",
                )
            case p11.NoSuchToken():
                return _error(
                    InvalidConfiguration, f"the module {str(source.module)!r} has no token {source.token!r}"
                )
            case p11.NoSuchKey():
                return _error(
                    InvalidConfiguration,
                    f"the token {source.token!r} has no AES key {source.key!r}; make it, or restore the token's backup "
                    "if it was lost",
                )
            case p11.MultipleTokensReturned() | p11.MultipleObjectsReturned():
                return _error(
                    InvalidConfiguration, f"several have the names of {self.title}; make them unique"
                )
            case _:
                return _error(ServiceFault, f"{self.title} cannot be reached", said=type(error).__name__)

    def _forget(self) -> None:
        """Drop the session, so that the next call opens a new one."""
        session, self._session, self._key = self._session, None, None
        if session is not None:
            p11 = _library(self._source)
            try:
                session.close()
            except p11.PKCS11Error:
                return  # it is broken, which is why it is dropped


def _signed_in(p11: Any, token: Any, pin: Secret) -> Any:
    """Open a session. A whole process is signed in to a token or not: another object may have seen to it (6.7.4)."""
    try:
        return token.open(user_pin=pin.reveal())
    except p11.UserAlreadyLoggedIn:
        return token.open()


def _library(source: Pkcs11Source) -> Any:
    # An extra of the installation, and native code: nobody who does not use it should load it.
    try:
        import pkcs11  # noqa: PLC0415
    except ImportError:
        raise _error(
            InvalidConfiguration, "PKCS#11 needs a package that is not installed: pip install 'mover[pkcs11]'"
        ) from None
    try:
        pkcs11.lib(str(source.module))
    except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
        raise _error(
            InvalidConfiguration,
            f"the PKCS#11 module {str(source.module)!r} cannot be loaded",
            said=str(error) or type(error).__name__,
        ) from None
    return pkcs11


def _error(kind: type[MoverError], message: str, *, said: str = "") -> MoverError:
    return kind(message, service=_SERVICE, said=said)
