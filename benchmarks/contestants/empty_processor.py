"""The floor of this design: an ext_proc server in Python that answers every message with CONTINUE.

    python -m benchmarks.contestants.empty_processor SOCKET [request_body]

It pays for request headers, the buffered request body and response headers: three messages, as any processor whose mode is
fixed in Envoy's configuration. With `request_body` that is the last one and the stream ends with it: two messages, which is
what the product has for an answer that nobody reads.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import uvloop

from gateway_ext.wire import ext_proc_pb2 as pb

ANSWERS = {
    "request_headers": pb.ProcessingResponse(request_headers=pb.HeadersResponse()),
    "request_body": pb.ProcessingResponse(request_body=pb.BodyResponse()),
    "response_headers": pb.ProcessingResponse(response_headers=pb.HeadersResponse()),
}


async def main(socket: str, last: str) -> None:
    async def process(_: Any, context: Any) -> None:
        while (message := await context.read()) is not grpc.aio.EOF:
            kind = message.WhichOneof("request")
            await context.write(ANSWERS[kind])
            if kind == last:
                return

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)])
    handler = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=pb.ProcessingRequest.FromString,
        response_serializer=pb.ProcessingResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("envoy.service.ext_proc.v3.ExternalProcessor", {"Process": handler}),)
    )
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *(sys.argv[2:] or ["response_headers"])))
