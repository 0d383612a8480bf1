#!/usr/bin/env python3
"""Reads all that bgp keeps in a state directory, from the byte layouts alone, and prints it as JSON lines.

Usage: BG_PASSWORD=... read-log.py STATE-DIRECTORY
Needs the package `cryptography`. A wrong password or an altered key or document ends it with an error;
what cannot be read of a log is told by segment and offset, as "unreadable".
"""
import base64, hashlib, hmac, json, os, re, signal, struct, sys
from pathlib import Path
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BLOCK = 65536
KINDS = [None, "START", "STDOUT", "STDERR", "EXIT", "END", "CLOSED", "GAP", "DROPPED", "NOTE", "ALERT"]

def derive(key, salt, label):
    return HKDF(hashes.SHA256(), 32, salt, label.encode()).derive(key)

def pair(key, salt, purpose):
    return derive(key, salt, purpose + " enc"), derive(key, salt, purpose + " mac")

def unseal(keys, context, sealed):
    """The plaintext of iv + ciphertext + tag, or None if it was not sealed with these keys and context."""
    body, tag = sealed[:-32], sealed[-32:]
    if not hmac.compare_digest(hmac.digest(keys[1], context + body, "sha256"), tag) or len(body) % 16 or len(body) < 32:
        return None
    cipher, unpadder = Cipher(algorithms.AES(keys[0]), modes.CBC(body[:16])).decryptor(), padding.PKCS7(128).unpadder()
    return unpadder.update(cipher.update(body[16:]) + cipher.finalize()) + unpadder.finalize()

def opened(plain, what):
    return plain if plain is not None else sys.exit(f"{what} is damaged, was altered, or has another password")

def tell(**fields):
    print(json.dumps(fields))

def payload_of(kind, payload):
    if kind in ("STDOUT", "STDERR", "CLOSED"):
        return {"text": payload.decode()} if payload.isascii() else {"base64": base64.b64encode(payload).decode()}
    return json.loads(payload)

def document(path, magic, keys, store):
    data = path.read_bytes()
    if data[:8] != magic or struct.unpack("<II", data[8:16]) != (1, 0) or data[16:32] != store:
        sys.exit(f"{path} is no document of this store")
    return json.loads(opened(unseal(keys, data[:32], data[32:]), path))

def record(keys, context, data, at, end):
    """Length, number and plaintext of the record at `at`, or None."""
    length, version, number = struct.unpack_from("<IIQ", data, at) if at + 80 <= end else (0, 0, 0)
    if not 80 <= length <= 4096 or length % 16 or version != 1 or at + length > end:
        return None
    plain = unseal(keys, context + data[at:at + 16], data[at + 16:at + length])
    return None if plain is None else (length, number, plain)

def read_log(name, segments, master, store):
    expected, follows, fact, part_of, doubt = None, None, b"", None, False
    for segment, path in segments:
        if segment != (segment if follows is None else follows):
            tell(log=name, segment=follows, offset=0, unreadable=True)  # it is missing
            doubt = True
        follows = segment + 1
        data = path.read_bytes()
        magic, version, flags, block, log, of_store, created, number, first, zero, tag = \
            struct.unpack("<8sHHI16s16sQQQ24s32s", data[:128].ljust(128, b"\0"))
        keys = pair(derive(master, log, "log"), log, "log")
        known = (magic, version, flags, block, of_store, number, zero) == (b"BGPLOG\r\n", 1, 0, BLOCK, store, segment, bytes(24))
        if not known or not hmac.compare_digest(hmac.digest(keys[1], data[:96], "sha256"), tag):
            tell(log=name, segment=segment, offset=0, unreadable=True)
            doubt = True
            continue
        if expected is not None and (first < expected or (first > expected and not doubt)):
            tell(log=name, segment=segment, offset=0, unreadable=True)  # records before it are missing
        tell(log=name, segment=segment, logId=log.hex(), created=created, firstRecord=first)
        context, at = b"BGPREC\x01\x00" + log + store + struct.pack("<Q", segment) + bytes(16), 128
        expected, part_of = first, None
        while at < len(data):
            begin, end = at // BLOCK * BLOCK, min(at // BLOCK * BLOCK + BLOCK, len(data))
            if end < len(data) and at not in (begin, 128) and not any(data[at:end]):
                at = end  # filler
                continue
            found = record(keys, context, data, at, end)
            if not found or found[1] < expected or (found[1] > expected and not doubt):
                tell(log=name, segment=segment, offset=at, unreadable=True)
                at, part_of, doubt = begin + BLOCK, None, True
                continue
            length, expected, plain = found[0], found[1] + 1, found[2]
            time, kind, more, _ = struct.unpack("<QBBH", plain[:12])
            fact, part_of, at = (fact if part_of == kind else b"") + plain[12:], kind if more else None, at + length
            if not more and 0 < kind < len(KINDS):
                try:
                    tell(log=name, number=expected - 1, time=time, kind=KINDS[kind], payload=payload_of(KINDS[kind], fact))
                    doubt = False
                except ValueError:  # the rest of a fact whose beginning is unreadable
                    assert doubt, f"record {expected - 1} of {path} is no JSON"

def read_block(path, master):
    number, facts = 0, None
    for index in 0, 1:
        slot = path.read_bytes()[index * 4096:][:4096].ljust(48, b"\0")
        magic, version, size, count, zero, log = struct.unpack("<8sIIQ8s16s", slot[:48])
        if (magic, version, zero, count % 2) == (b"BGPBLK\r\n", 1, bytes(8), index) and number < count and size <= 4048:
            plain = unseal(pair(derive(master, log, "log"), log, "block"), slot[:48], slot[48:48 + size])
            number, facts = (count, json.loads(plain)) if plain else (number, facts)
    tell(block=path.stem, number=number, facts=facts)

def main():
    root, key = Path(sys.argv[1]), json.loads((Path(sys.argv[1]) / "key").read_text())
    context = "".join(f"{line}\n" for line in ("bgp key 1", key["kdf"], key["iterations"], key["salt"], key["store"])).encode()
    if hashlib.sha256(context + key["sealed"].encode()).hexdigest()[:16] != key["check"]:
        sys.exit("the key is damaged")
    store = bytes.fromhex(key["store"])
    kek = hashlib.pbkdf2_hmac("sha256", os.environb[b"BG_PASSWORD"], bytes.fromhex(key["salt"]), key["iterations"])
    master = opened(unseal(pair(kek, store, "key"), context, bytes.fromhex(key["sealed"])), root / "key")
    if (root / "processes.json.enc").exists():
        tell(state=document(root / "processes.json.enc", b"BGPSTATE", pair(master, store, "state"), store))
    for path in sorted(root.glob("readers/*.enc")):
        reader = document(path, b"BGPREADR", pair(master, store, "reader"), store)
        named = hmac.digest(derive(master, store, "reader name"), reader["name"].encode(), "sha256")[:16].hex()
        tell(reader=reader if path.stem == named else sys.exit(f"{path} is another reader's"))
    for path in sorted(root.glob("run/*.lease")):
        read_block(path, master)
    logs = {}
    for path in root.glob("logs/*.log.enc"):
        name, segment = re.fullmatch(r"([^.]+)(?:\.(\d+))?\.log\.enc", path.name).groups("0")
        logs.setdefault(name, []).append((int(segment), path))
    for name in sorted(logs):
        read_log(name, sorted(logs[name]), master, store)

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
