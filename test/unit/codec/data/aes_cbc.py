# Writes and reads files of the format aes-256-cbc by another implementation (Python's cryptography), for aes_cbc.cpp.
#   aes_cbc.py write DIRECTORY PASSPHRASE COUNT    files 0 to COUNT - 1, each with content(its name)
#   aes_cbc.py read DIRECTORY PASSPHRASE COUNT     exit 1 unless such files hold that content
import functools
import os
import sys

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt


def content(size):
    return bytes((i * 7 + size) % 251 for i in range(size))


@functools.lru_cache(maxsize=None)
def key(passphrase, salt):
    return Scrypt(salt=salt, length=32, n=16384, r=8, p=1).derive(passphrase.encode())


def write(directory, passphrase, count):
    salt = os.urandom(16)
    for size in range(count):
        iv = os.urandom(16)
        padder = padding.PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(key(passphrase, salt)), modes.CBC(iv)).encryptor()
        with open(os.path.join(directory, str(size)), "wb") as file:
            padded = padder.update(content(size)) + padder.finalize()
            file.write(salt + iv + encryptor.update(padded) + encryptor.finalize())


def read(directory, passphrase, count):
    for size in range(count):
        with open(os.path.join(directory, str(size)), "rb") as file:
            data = file.read()
        decryptor = Cipher(algorithms.AES(key(passphrase, data[:16])), modes.CBC(data[16:32])).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        plain = unpadder.update(decryptor.update(data[32:]) + decryptor.finalize()) + unpadder.finalize()
        if plain != content(size):
            sys.exit(f"the file of {size} bytes differs")


{"write": write, "read": read}[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
