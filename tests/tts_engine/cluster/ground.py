"""A Ray cluster on one machine, in a process of its own that obeys lines of JSON and leaves no process behind.

Run as ``python -m tests.tts_engine.cluster.ground PORT``; each line is ``[command, arguments]`` and is answered by one.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path

SUBREAPER = 36
NODE = {"object_store_memory": 80 << 20, "include_dashboard": False}


def children():
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def end_children():
    """Kill whatever descends from here; orphans are ours too, since this process is their reaper."""
    while pids := children():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


class Ground:
    def __init__(self, port):
        import ray
        from ray.cluster_utils import Cluster

        from tts_engine.cluster.deployment import listen_at

        self.ray = ray
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **NODE})
        ray.init(address=self.cluster.address, log_to_driver=False, logging_level="ERROR")
        listen_at("127.0.0.1", port, every_node=False)
        self.workers = []

    def deploy(self, name, route, plan):
        from tts_engine.cluster.deployment import Plan, deploy

        deploy(Plan(**plan), name, route)

    def plan_written(self, text):
        """The plan of KubeRay's ``serveConfigV2``, through Serve's own reading of it."""
        import yaml
        from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
        from ray.serve.schema import ServeDeploySchema

        from tts_engine.cluster.deployment import build

        written = yaml.safe_load(text)
        ServeDeploySchema.model_validate(written)
        (application,) = written["applications"]
        (plan,) = call_user_app_builder_with_args_if_necessary(build, application["args"])._bound_deployment.init_args
        return plan.model_dump()

    def add(self):
        self.workers.append(self.cluster.add_node(num_cpus=1, **NODE))

    def kill(self):
        """The node that was added first, at once."""
        self.cluster.remove_node(self.workers.pop(0), allow_graceful=False)

    def replicas(self, name):
        """Running ones."""
        from ray import serve

        application = serve.status().applications[name]
        return sum(deployment.replica_states.get("RUNNING", 0) for deployment in application.deployments.values())

    def address(self):
        return self.cluster.address

    def nodes(self):
        return sum(node["Alive"] for node in self.ray.nodes())


def main():
    ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints goes to the log
    try:
        ground = Ground(int(sys.argv[1]))
        print("{}", file=answers, flush=True)
        for line in sys.stdin:
            command, arguments = json.loads(line)
            began = time.monotonic()
            try:
                answer = {"answer": getattr(ground, command)(*arguments)}
            except Exception as error:  # noqa: BLE001  # told to who asked
                answer = {"error": repr(error)}
            print(command, arguments, answer, f"{time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
            print(json.dumps(answer), file=answers, flush=True)
    finally:
        end_children()
        os._exit(0)  # Ray's own exit handlers would wait for what is gone


if __name__ == "__main__":
    main()
