// What the driver asks of a worker (request.h) and what the worker answers (reply.h), as bytes.
//
// encode/decode are exact inverses; decode checks every length and never trusts a count (a truncated or wild frame is
// an error, not a crash).
#ifndef LOCKSTEP_CONFORMANCE_WIRE_WIRE_H_
#define LOCKSTEP_CONFORMANCE_WIRE_WIRE_H_

#include <optional>
#include <string>
#include <string_view>

#include "conformance/wire/reply.h"
#include "conformance/wire/request.h"

namespace lockstep::conformance::wire {

std::string encode(const RowRequest& request);
std::string encode(const RowReply& reply);
std::string encode(const WorkerHello& hello);
std::optional<RowRequest> decode_row_request(std::string_view bytes);
std::optional<RowReply> decode_row_reply(std::string_view bytes);
std::optional<WorkerHello> decode_hello(std::string_view bytes);

}  // namespace lockstep::conformance::wire

#endif  // LOCKSTEP_CONFORMANCE_WIRE_WIRE_H_
