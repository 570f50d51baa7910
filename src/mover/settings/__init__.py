"""What the operator of this machine decides: `Settings`."""

from mover.settings.addresses import IPAddress, IPNetwork, ListenAt, PrivateAddresses
from mover.settings.file import VENDORS
from mover.settings.settings import Settings

__all__ = ["VENDORS", "IPAddress", "IPNetwork", "ListenAt", "PrivateAddresses", "Settings"]
