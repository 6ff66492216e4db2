// Answers as 3.10.8 gives them.
#include <doctest/doctest.h>

#include "providers/rabbitmq/judge.h"
#include "tests/rabbitmq_scene.h"

using namespace fairlead;
using namespace fairlead::rabbitmq;
using Next = Outcome::Next;

namespace {

Outcome judged(const std::string& method, int status, const std::string& body,
               const std::string& error = "") {
  Step step;
  step.verb = "create";
  step.resource = "permission of blog on blog";
  HttpCall call;
  call.method = method;
  step.request = call;
  return judge_step(step, {status, body, error});
}

}  // namespace

TEST_CASE("what is made, is there already, or is gone already, is done") {
  CHECK(judged("PUT", 201, "").next == Next::done);
  CHECK(judged("PUT", 204, "").next == Next::done);
  CHECK(judged("DELETE", 204, "").next == Next::done);
  CHECK(judged("DELETE", 404, R"({"error":"Object Not Found","reason":"Not Found"})").next ==
        Next::done);
}

TEST_CASE("a vhost or user that went meanwhile is looked for again") {
  const Outcome permission =
      judged("PUT", 400, R"({"error":"bad_request","reason":"vhost_or_user_not_found"})");
  CHECK(permission.next == Next::look_again);
  CHECK(permission.error.message ==
        "create permission of blog on blog: 400 vhost_or_user_not_found");
  const Outcome limit = judged("PUT", 404, R"({"error":"not_found","reason":"vhost_not_found"})");
  CHECK(limit.next == Next::look_again);
  CHECK(limit.error.code == Code::not_found);
}

TEST_CASE("what the server refuses, or cannot do, fails and says why") {
  const Outcome login = judged("PUT", 401, R"({"error":"not_authorized","reason":"Login failed"})");
  CHECK(login.next == Next::failed);
  CHECK(login.error.code == Code::denied);
  CHECK(login.error.message.find("Login failed; the login of fairlead") != std::string::npos);
  for (const int status : {400, 403, 412, 429, 500, 503}) {
    CAPTURE(status);
    CHECK(judged("DELETE", status, "").next == Next::failed);
    CHECK(judged("PUT", status, "").next == Next::failed);
  }
  CHECK(judged("PUT", 503, "").error.message.find("look at its log") != std::string::npos);
}

TEST_CASE("no answer fails with the outcome unknown") {
  const Outcome outcome = judged("DELETE", 0, "", "timed out");
  CHECK(outcome.next == Next::failed);
  CHECK(outcome.error.code == Code::unavailable);
  CHECK(outcome.error.message == "create permission of blog on blog: no answer: timed out");
}

TEST_CASE("a message repeats no hash that was sent, and no page without end") {
  const Outcome hash =
      judged("PUT", 400, R"({"error":"bad_request","reason":["not_base64","kI3GCqW5"]})");
  CHECK(hash.error.message == "create permission of blog on blog: 400 not_base64");
  CHECK(judged("PUT", 502, std::string(5000, 'x')).error.message.size() < 500);
}
