#!/usr/bin/env python3
"""A mail server (aiosmtpd) that keeps what it takes: N.eml as it came, N.json with its envelope.

    smtp_server.py DIRECTORY PORT none|starttls|smtps [CERTIFICATE KEY [USER PASSWORD]]

In DIRECTORY: `ready` appears once it listens; `refused` (written by the test) holds recipients that it refuses, `later`
being there makes it put every mail off; `log` gets a line for each login, taken mail and refusal.
"""
import json
import os
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keeper:
    def __init__(self, directory):
        self.directory = directory
        self.count = len([name for name in os.listdir(directory) if name.endswith(".eml")])

    def path(self, name):
        return os.path.join(self.directory, name)

    def log(self, text):
        with open(self.path("log"), "a", encoding="utf-8") as log:
            log.write(text + "\n")

    def refused(self):
        if not os.path.exists(self.path("refused")):
            return []
        with open(self.path("refused"), encoding="utf-8") as file:
            return file.read().split()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused():
            self.log("refused " + address)
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if os.path.exists(self.path("later")):
            self.log("later")
            return "451 4.3.0 come back later"
        self.count += 1
        name = "%04d" % self.count
        with open(self.path(name + ".eml"), "wb") as file:
            file.write(envelope.original_content)
        about = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "login": getattr(session, "login", None),
                 "tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None}
        with open(self.path(name + ".tmp"), "w", encoding="utf-8") as file:
            json.dump(about, file)
        os.rename(self.path(name + ".tmp"), self.path(name + ".json"))
        self.log("taken " + name)
        return "250 OK"


def authenticator(keeper, user, password):
    def check(server, session, envelope, mechanism, data):
        good = data.login == user.encode() and data.password == password.encode()
        keeper.log(("login" if good else "wrong login") + " by " + mechanism)
        session.login = user if good else None
        return AuthResult(success=good, handled=good)
    return check


def main():
    directory, port, tls = sys.argv[1:4]
    certificate = sys.argv[4:6]
    login = sys.argv[6:8]
    keeper = Keeper(directory)
    options = {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        if tls == "smtps":
            options["ssl_context"] = context
        elif tls == "starttls":
            options.update(tls_context=context, require_starttls=True)
    if login:
        options.update(authenticator=authenticator(keeper, *login), auth_required=True,
                       auth_require_tls=tls == "starttls")
    controller = Controller(keeper, hostname="127.0.0.1", port=int(port), **options)
    controller.start()
    open(keeper.path("ready"), "w", encoding="utf-8").close()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main()
