"""Every service's content hash, any set of them in one pass over the bytes.

multi.py     MultiHasher: one pass, many hashes
streams.py   hash_chunks: an asynchronous stream, hashed off the event loop
crc.py       crc32, crc32c, crc64nvme, and the CRC of a concatenation
quickxor.py  OneDrive and SharePoint
blocks.py    hashes of hashes: Dropbox, and S3's ETag of a multipart upload
"""

from mover.hashing.blocks import s3_etag
from mover.hashing.crc import combine_crc
from mover.hashing.multi import SUPPORTED, MultiHasher
from mover.hashing.streams import hash_chunks

__all__ = ["SUPPORTED", "MultiHasher", "combine_crc", "hash_chunks", "s3_etag"]
