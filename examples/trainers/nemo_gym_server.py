"""NeMo-Gym: a resources server whose `/verify` is ours. Written by its sources of August 2026; not run against it."""

from nemo_gym.base_resources_server import BaseVerifyRequest, BaseVerifyResponse, SimpleResourcesServer
from pydantic import ConfigDict

from r1_reward.adapters.nemo import gym_verify

VERIFY = gym_verify("math", "format")


class Request(BaseVerifyRequest):
    """The row's own fields (`expected_answer`, ...) come along."""

    model_config = ConfigDict(extra="allow")


class Response(BaseVerifyResponse):
    """And go back, with the reward."""

    model_config = ConfigDict(extra="allow")


class R1Server(SimpleResourcesServer):
    """Judges mathematics and format."""

    async def verify(self, body: Request) -> Response:
        """One rollout."""
        return Response(**VERIFY(body.model_dump()))


if __name__ == "__main__":
    R1Server.run_webserver()
