# Plays the first LPBM, with another implementation of its formats: files encrypted by Python's cryptography (or by
# `openssl enc`, as its oldest versions did) in a folder, and the lines of its journal.
#   first_backup.py FOLDER PASSWORD add KIND TIME CONTENT [--by-name]   KIND: full, delta; TIME as in the name
#   first_backup.py FOLDER PASSWORD oldest TIME CONTENT                 a full of the oldest versions
#   first_backup.py FOLDER PASSWORD statements DATABASE CSVLOG...       SQL of log_statement = mod, on stdout
#   first_backup.py FOLDER PASSWORD decrypt FILE                        the content, on stdout
import csv
import hashlib
import os
import subprocess
import sys

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def cipher(password, salt, iv):
    key = Scrypt(salt=salt, length=32, n=16384, r=8, p=1).derive(password.encode())
    return Cipher(algorithms.AES(key), modes.CBC(iv))


def encrypt(password, content):
    salt, iv = os.urandom(16), os.urandom(16)
    padder, encryptor = padding.PKCS7(128).padder(), cipher(password, salt, iv).encryptor()
    return salt + iv + encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()


def decrypt(password, file):
    unpadder, decryptor = padding.PKCS7(128).unpadder(), cipher(password, file[:16], file[16:32]).decryptor()
    return unpadder.update(decryptor.update(file[32:]) + decryptor.finalize()) + unpadder.finalize()


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


# CIDv0 of one UnixFS leaf: files of at most 262144 bytes.
def cid(data):
    assert 0 < len(data) <= 262144
    node = b"\x08\x02\x12" + varint(len(data)) + data + b"\x18" + varint(len(data))
    number = int.from_bytes(b"\x12\x20" + hashlib.sha256(b"\x0a" + varint(len(node)) + node).digest(), "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


def store(folder, name, file, by_name, prefix=""):
    named = cid(file)
    with open(os.path.join(folder, name if by_name else named), "wb") as out:
        out.write(file)
    with open(os.path.join(folder, "journal.txt"), "a") as journal:
        journal.write(f"{prefix}{named} {name}\n")


def add(folder, password, kind, time, content, by_name=None):
    with open(content, "rb") as file:
        store(folder, f"{time}-{kind}.sql.enc", encrypt(password, file.read()), by_name)


def oldest(folder, password, time, content):
    command = ["openssl", "enc", "-aes-256-cbc", "-md", "sha512", "-pbkdf2", "-iter", "100000", "-pass"]
    with open(content, "rb") as file:
        data = subprocess.run(command + ["pass:" + password], stdin=file, stdout=subprocess.PIPE, check=True).stdout
    store(folder, f"dump_{time}.sql.enc", data, False, "added ")


def statements(_folder, _password, database, *logs):
    csv.field_size_limit(1 << 30)
    for log in logs:
        with open(log, newline="") as file:
            for row in csv.reader(file):
                if row[2] == database and row[13].startswith("statement: "):
                    print(row[13][len("statement: "):] + ";")


def show(_folder, password, path):
    with open(path, "rb") as file:
        sys.stdout.buffer.write(decrypt(password, file.read()))


folder, password, command, *rest = sys.argv[1:]
{"add": add, "oldest": oldest, "statements": statements, "decrypt": show}[command](folder, password, *rest)
