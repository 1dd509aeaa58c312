#!/usr/bin/env python3
"""Reads a mail with Python's email package and prints it as JSON; its attachment is saved beside it.

    read_mail.py FILE.eml
"""
import email
import email.policy
import json
import os
import sys


def main():
    path = sys.argv[1]
    with open(path, "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    body = mail.get_body(preferencelist=("plain",))
    out = {
        "subject": str(mail["subject"]),
        "from": [[a.display_name, a.addr_spec] for a in mail["from"].addresses],
        "to": [[a.display_name, a.addr_spec] for a in mail["to"].addresses],
        "id": str(mail["message-id"]),
        "date": mail["date"].datetime.timestamp(),
        "headers": sorted(name.lower() for name in mail.keys()),
        "defects": [repr(defect) for part in mail.walk() for defect in part.defects]
        + [repr(defect) for name in mail.keys() for defect in mail[name].defects],
        "body": body.get_content(),
        "attachments": [],
    }
    for part in mail.iter_attachments():
        saved = os.path.join(os.path.dirname(path), os.path.basename(path)[:-4] + "-" + part.get_filename())
        with open(saved, "wb") as file:
            file.write(part.get_payload(decode=True))
        out["attachments"].append({"name": part.get_filename(), "type": part.get_content_type(), "path": saved})
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
