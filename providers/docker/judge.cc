#include "providers/docker/judge.h"

#include <string_view>
#include <utility>

#include "providers/docker/decode.h"

namespace fairlead::docker {
namespace {

using Next = Outcome::Next;

struct Row {
  std::string_view verb;  // of the step; empty: any
  int status;             // 0: any
  std::string_view text;  // part of the engine's message; empty: any
  Next next;
  Code code;
  std::string_view advice;
};

// The first row that fits decides. Sources: measured on 20.10 and 26.1, see the conformance table
// in tests/sim.
constexpr Row rows[] = {
    {"pull", 404, "", Next::failed, Code::invalid,
     "correct `image`, or log in to its registry in the platform file"},
    {"pull", 0, "unauthorized", Next::failed, Code::denied,
     "check the login of this registry in the platform file"},
    {"pull", 0, "no basic auth", Next::failed, Code::denied,
     "add a login for this registry to the platform file"},
    {"pull", 0, "denied", Next::failed, Code::denied,
     "check `image` and the login of this registry in the platform file"},
    {"pull", 0, "manifest unknown", Next::failed, Code::invalid,
     "the registry has no such tag; correct `image`"},
    {"pull", 0, "toomanyrequests", Next::failed, Code::unavailable,
     "the registry limits the rate; a login may help"},
    {"pull", 0, "", Next::failed, Code::unavailable,
     "is the registry reachable, and `image` right?"},

    {"create", 409, "already in use", Next::look_again, Code::conflict, ""},
    {"create", 409, "already exists", Next::look_again, Code::conflict, ""},
    {"create", 404, "No such image", Next::look_again, Code::not_found, ""},
    {"create", 403, "overlaps", Next::look_again, Code::conflict, ""},
    {"create", 400, "overlaps", Next::look_again, Code::conflict, ""},
    {"create", 400, "", Next::failed, Code::invalid, "correct the manifest"},

    {"start", 304, "", Next::done, Code::internal, ""},
    {"start", 404, "", Next::look_again, Code::not_found, ""},
    {"start", 409, "", Next::look_again, Code::unavailable, ""},
    {"start", 0, "port is already allocated", Next::failed, Code::conflict,
     "another program or container publishes this host port; free it or change `publish`"},
    {"start", 0, "address already in use", Next::failed, Code::conflict,
     "another program uses this host port; free it or change `publish`"},
    {"start", 0, "Address already in use", Next::look_again, Code::conflict, ""},
    {"start", 0, "executable file not found", Next::failed, Code::invalid,
     "the image has no such program; correct `command` or `entrypoint`"},
    {"start", 0, "not found", Next::failed, Code::unavailable, ""},

    {"stop", 304, "", Next::done, Code::internal, ""},
    // Not done: an engine that has lost sight of a container may still run it, and what comes next
    // relies on it.
    {"stop", 404, "", Next::look_again, Code::not_found, ""},
    {"restart", 404, "", Next::look_again, Code::not_found, ""},
    {"unpause", 409, "", Next::look_again, Code::not_found, ""},
    {"unpause", 500, "is not paused", Next::look_again, Code::not_found, ""},
    {"remove", 404, "", Next::look_again, Code::not_found, ""},
    {"remove", 409, "already in progress", Next::look_again, Code::unavailable, ""},
    {"remove", 409, "running container", Next::look_again, Code::unavailable, ""},
    {"remove", 409, "in use", Next::failed, Code::conflict, "something else still uses it"},
    {"remove", 403, "active endpoints", Next::failed, Code::conflict,
     "containers that are not fairlead's are attached to it; detach them with `docker network "
     "disconnect`"},
    {"connect", 403, "already exists", Next::look_again, Code::unavailable, ""},
    {"disconnect", 404, "", Next::done, Code::internal, ""},
    {"disconnect", 403, "", Next::look_again, Code::unavailable, ""},
    {"disconnect", 500, "is not connected", Next::done, Code::internal, ""},
    {"update", 0, "cannot update a stopped container", Next::look_again, Code::unavailable, ""},
    {"rename", 409, "", Next::look_again, Code::conflict, ""},
    {"", 404, "", Next::look_again, Code::not_found, ""},
    {"", 409, "", Next::look_again, Code::unavailable, ""},
    {"", 0, "no space left on device", Next::failed, Code::unavailable,
     "the engine's disk is full; free some space"},
};

const Row* find_row(const Step& step, int status, std::string_view message) {
  for (const Row& row : rows) {
    if (!row.verb.empty() && row.verb != step.verb) continue;
    if (row.status != 0 && row.status != status) continue;
    if (!row.text.empty() && message.find(row.text) == message.npos) continue;
    return &row;
  }
  return nullptr;
}

Outcome refused(const Step& step, int status, const std::string& message) {
  const Row* row = find_row(step, status, message);
  Outcome outcome;
  outcome.next = row ? row->next : Next::failed;
  std::string text = step.verb + " " + step.resource + ": " + message;
  if (row && !row->advice.empty()) text += "; " + std::string(row->advice);
  outcome.error = {row ? row->code : Code::unavailable, std::move(text), ""};
  if (row && row->code == Code::conflict && outcome.next == Next::look_again) {
    constexpr std::string_view container = "container ";
    if (step.resource.compare(0, container.size(), container) == 0) {
      outcome.suspect = step.resource.substr(container.size());
    }
    outcome.relist = !step.claim.empty();
  }
  return outcome;
}

// Volume create adopts what is there without a word; what came back must be what was asked for.
Outcome judge_volume(const Keys& keys, const Step& step, const Answer& answer) {
  const Result<Json> body = Json::parse(answer.body);
  const SeenVolume made = decode_volume(keys, body ? *body : Json());
  if (made.ours && made.trouble.empty()) return {};
  Outcome outcome;
  outcome.next = Next::look_again;
  outcome.error = {Code::conflict, step.resource + ": " + made.trouble, ""};
  return outcome;
}

}  // namespace

Outcome judge_step(const Keys& keys, const Step& step, const Answer& answer) {
  if (!answer.answered()) {
    // The engine may have done it, or may still do it.
    Outcome outcome;
    outcome.next = Next::failed;
    outcome.error = {Code::unavailable,
                     step.verb + " " + step.resource + ": no answer: " + answer.error, ""};
    return outcome;
  }
  if (std::holds_alternative<FileCall>(step.request)) {
    if (answer.ok() || (answer.status == 404 && step.verb == "remove")) return {};
    Outcome outcome;
    outcome.next = Next::failed;
    const std::string text = step.verb + " " + step.resource + ": " + answer.error;
    outcome.error = {step.verb == "look" ? Code::conflict : Code::unavailable, text, ""};
    return outcome;
  }
  if (!answer.ok()) return refused(step, answer.status, decode_message(answer.body));
  if (step.verb == "pull") {
    const std::string error = decode_progress_error(answer.body);
    if (!error.empty()) return refused(step, answer.status, error);
  }
  if (step.verb == "create" && step.resource.rfind("volume ", 0) == 0) {
    return judge_volume(keys, step, answer);
  }
  return {};
}

}  // namespace fairlead::docker
