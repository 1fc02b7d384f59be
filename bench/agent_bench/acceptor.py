"""Stands in for a Zabbix server that takes every value at once: python -m agent_bench.acceptor PORT."""

from __future__ import annotations

import json
import socketserver
import sys

from argus_agent.zabbix_protocol import pack, unpack


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        request = json.loads(unpack(self.rfile.read))
        reply = {"response": "success", "data": []}
        if request["request"] == "sender data":
            count = len(request["data"])
            info = f"processed: {count}; failed: 0; total: {count}; seconds spent: 0.000010"
            reply = {"response": "success", "info": info}
        self.wfile.write(pack(json.dumps(reply).encode()))


if __name__ == "__main__":
    socketserver.TCPServer.allow_reuse_address = True
    socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
