"""Redis, the broker of Celery: nothing on disk, a password although it listens on 127.0.0.1 only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis

from stack.errors import DownError
from stack.lab import write_private

if TYPE_CHECKING:
    from stack.lab import Lab

CONFIG = """\
bind 127.0.0.1
port {port}
dir {folder}
save ""
appendonly no
requirepass {password}
"""


def redis_url(lab: Lab) -> str:
    return f"redis://:{lab.password('redis')}@127.0.0.1:{lab.ports['redis']}/0"


class Redis:
    name = "redis"
    needs: tuple[str, ...] = ()

    def start(self, lab: Lab) -> str:
        folder = lab.folder(self.name)
        text = CONFIG.format(port=lab.ports[self.name], folder=folder, password=lab.password("redis"))
        config = write_private(folder / "redis.conf", text)
        lab.processes.start(self.name, ["redis-server", config])
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        try:
            with redis.Redis.from_url(redis_url(lab), socket_timeout=5) as client:
                version = client.info("server")["redis_version"]
        except redis.RedisError as failure:
            raise DownError(f"does not answer: {failure}") from None
        return f"Redis {version} on 127.0.0.1:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)
