#include "providers/rabbitmq/judge.h"

#include <string_view>

#include "providers/rabbitmq/decode.h"
#include "providers/rabbitmq/requests.h"

namespace fairlead::rabbitmq {
namespace {

using Next = Outcome::Next;

struct Row {
  std::string_view method;  // empty: any
  int from;                 // the lowest status, and the highest
  int to;
  std::string_view text;  // part of the reason; empty: any
  Next next;
  Code code;
  std::string_view advice;
};

constexpr std::string_view in_trouble =
    "the server is in trouble (starting, stopping, its disk full?): look at its log";

// The first row that fits decides.
constexpr Row rows[] = {
    {"DELETE", 404, 404, "", Next::done, Code::internal, ""},
    // The vhost or the user of a permission went, or of a limit.
    {"PUT", 400, 400, "vhost_or_user_not_found", Next::look_again, Code::not_found, ""},
    {"PUT", 404, 404, "", Next::look_again, Code::not_found, ""},
    {"", 401, 401, "", Next::failed, Code::denied, "the login of fairlead is refused"},
    {"DELETE", 412, 412, "", Next::failed, Code::conflict,
     "the server protects it from being deleted; lift that by hand"},
    {"", 429, 429, "", Next::failed, Code::unavailable, "the server limits the rate of requests"},
    // A limit of a vhost or user that is gone is answered so: the next look tells which it was.
    {"DELETE", 500, 500, "", Next::failed, Code::unavailable, in_trouble},
    {"", 500, 599, "", Next::failed, Code::unavailable, in_trouble},
};

const Row* find_row(std::string_view method, int status, std::string_view reason) {
  for (const Row& row : rows) {
    if (!row.method.empty() && row.method != method) continue;
    if (status < row.from || status > row.to) continue;
    if (!row.text.empty() && reason.find(row.text) == reason.npos) continue;
    return &row;
  }
  return nullptr;
}

}  // namespace

Outcome judge_step(const Step& step, const Answer& answer) {
  if (answer.ok()) return {};
  Outcome outcome;
  const std::string reason = decode_reason(answer);
  const auto* call = std::get_if<HttpCall>(&step.request);
  const Row* row = call ? find_row(call->method, answer.status, reason) : nullptr;
  outcome.next = row ? row->next : Next::failed;
  if (outcome.next == Next::done) return outcome;
  std::string text = step.verb + " " + step.resource + ": " + reason;
  if (row && !row->advice.empty()) text += "; " + std::string(row->advice);
  outcome.error = {row ? row->code : Code::unavailable, std::move(text), ""};
  return outcome;
}

std::string login_advice(bool managed, const std::string& user) {
  if (managed) {
    return "its data was made with another password: set that of the user " + user +
           " to the secret RABBITMQ_DEFAULT_PASS of the app " + managed_app +
           " (rabbitmqctl change_password in its container), or purge its volume where its queues "
           "are not needed";
  }
  return "check user and password_file of messagebus in the platform file";
}

}  // namespace fairlead::rabbitmq
