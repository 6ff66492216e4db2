#include <doctest/doctest.h>

#include <string>

#include "providers/docker/judge.h"
#include "providers/docker/labels.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::test_keys;

namespace {

Step step(const std::string& verb, const std::string& resource = "container blog.web.x") {
  Step made;
  made.verb = verb;
  made.resource = resource;
  made.request = HttpCall();
  return made;
}

Outcome judge(const Step& of, int status, const std::string& message) {
  return judge_step(test_keys(), of, {status, Json::object({{"message", message}}).dump(), ""});
}

// "done", "look again", or "failed invalid".
std::string judged(const Step& of, int status, const std::string& message = "") {
  const Outcome outcome = judge(of, status, message);
  if (outcome.next == Outcome::Next::done) return "done";
  if (outcome.next == Outcome::Next::look_again) return "look again";
  return std::string("failed ") + code_name(outcome.error.code);
}

}  // namespace

TEST_CASE("success is success for every verb") {
  for (const char* verb : {"create", "start", "stop", "remove", "update", "rename", "connect",
                           "disconnect", "restart", "unpause"}) {
    CHECK(judged(step(verb), 204) == "done");
  }
}

TEST_CASE("what already is as intended is done") {
  CHECK(judged(step("start"), 304) == "done");
  CHECK(judged(step("stop"), 304) == "done");
  CHECK(judged(step("disconnect"), 404) == "done");
  CHECK(judged(step("disconnect"), 500, "container x is not connected to network y") == "done");
}

TEST_CASE("a container that the engine does not find is looked for before anything relies on it") {
  CHECK(judged(step("stop"), 404) == "look again");
  CHECK(judged(step("remove"), 404) == "look again");
}

TEST_CASE("no answer is an unknown outcome: back off, then look again") {
  const Outcome outcome = judge_step(test_keys(), step("start"), {0, "", "timed out"});
  CHECK(outcome.next == Outcome::Next::failed);
  CHECK(outcome.error.code == Code::unavailable);
  CHECK(outcome.error.message == "start container blog.web.x: no answer: timed out");
}

TEST_CASE("a name that is taken is looked at closely") {
  const Outcome outcome =
      judge(step("create"), 409, "Conflict. The container name \"/x\" is already in use by y");
  CHECK(outcome.next == Outcome::Next::look_again);
  CHECK(outcome.suspect == "blog.web.x");
  CHECK_FALSE(outcome.relist);
}

TEST_CASE("a subnet that is taken makes the shared lists stale") {
  Step network = step("create", "network blog");
  network.claim = {0, 64};
  const std::string text = "Pool overlaps with other one on this address space";
  CHECK(judge(network, 403, text).relist);
  CHECK(judge(network, 400, text).relist);
  CHECK(judge(network, 403, text).suspect.empty());
}

TEST_CASE("what vanished in between is looked at again") {
  CHECK(judged(step("start"), 404, "No such container") == "look again");
  CHECK(judged(step("create"), 404, "No such image: acme/blog:1") == "look again");
  CHECK(judged(step("update"), 404) == "look again");
  CHECK(judged(step("connect"), 404) == "look again");
  CHECK(judged(step("rename"), 409, "already in use") == "look again");
}

TEST_CASE("a container that is being removed is not removed twice") {
  CHECK(judged(step("remove"), 409, "removal of container x is already in progress") ==
        "look again");
  CHECK(judged(step("remove"), 409, "cannot remove a running container") == "look again");
}

TEST_CASE("what a person must do is said") {
  CHECK(judged(step("remove", "network blog"), 403, "network blog has active endpoints") ==
        "failed conflict");
  CHECK(judged(step("remove", "volume blog.data"), 409, "volume is in use") == "failed conflict");
  CHECK(judged(step("start"), 500, "Bind for 127.0.0.1:80 failed: port is already allocated") ==
        "failed conflict");
  CHECK(judged(step("start"), 400, "exec: \"x\": executable file not found in $PATH") ==
        "failed invalid");
  CHECK(judged(step("create"), 400, "invalid mount config") == "failed invalid");
  const Outcome port = judge(step("start"), 500, "port is already allocated");
  CHECK(port.error.message ==
        "start container blog.web.x: port is already allocated; another program or container "
        "publishes this host port; free it or change `publish`");
}

TEST_CASE("what the registry says of an image is told apart") {
  const Step pull = step("pull", "image acme/blog:1");
  CHECK(judged(pull, 404, "repository does not exist") == "failed invalid");
  CHECK(judged(pull, 500, "unauthorized: authentication required") == "failed denied");
  CHECK(judged(pull, 500, "no basic auth credentials") == "failed denied");
  CHECK(judged(pull, 500, "toomanyrequests: slow down") == "failed unavailable");
  CHECK(judged(pull, 500, "dial tcp: i/o timeout") == "failed unavailable");
}

TEST_CASE("a pull that was answered with 200 may have failed all the same") {
  const Step pull = step("pull", "image acme/blog:1");
  const auto body = [&](const char* text) {
    return judge_step(test_keys(), pull, {200, text, ""});
  };
  CHECK(body("{\"status\":\"Downloaded\"}\n").next == Outcome::Next::done);
  CHECK(body("{\"error\":\"manifest unknown\"}\n").error.code == Code::invalid);
  CHECK(body("{\"error\":\"unexpected EOF\"}\n").error.code == Code::unavailable);
}

TEST_CASE("what is unknown falls to the safe side: back off and show the text") {
  const Outcome outcome = judge(step("create"), 500, "something new");
  CHECK(outcome.next == Outcome::Next::failed);
  CHECK(outcome.error.code == Code::unavailable);
  CHECK(outcome.error.message == "create container blog.web.x: something new");
  CHECK(judged(step("start"), 500, "no space left on device") == "failed unavailable");
}

TEST_CASE("a volume that was adopted and not made is no success") {
  const Step volume = step("create", "volume blog.data");
  const auto answered = [&](const Json& labels, const Json& options) {
    const Json body = Json::object(
        {{"Name", "blog.data"}, {"Driver", "local"}, {"Labels", labels}, {"Options", options}});
    return judge_step(test_keys(), volume, {201, body.dump(), ""}).next;
  };
  const Json ours = owner_labels(test_keys(), {"volume", "blog", "", "", 1});
  CHECK(answered(ours, Json()) == Outcome::Next::done);
  CHECK(answered(Json(), Json()) == Outcome::Next::look_again);
  CHECK(answered(ours, Json::object({{"device", "/"}})) == Outcome::Next::look_again);
  CHECK(judge_step(test_keys(), volume, {201, "", ""}).next == Outcome::Next::look_again);
}

TEST_CASE("files are judged by their own answers") {
  Step write = step("write", "secret blog/KEY.1");
  write.request = FileCall();
  CHECK(judged(write, 200) == "done");
  const Outcome full = judge_step(test_keys(), write, {500, "", "no space left on device"});
  CHECK(full.next == Outcome::Next::failed);
  CHECK(full.error.message == "write secret blog/KEY.1: no space left on device");
  Step remove = step("remove", "secret blog/KEY.1");
  remove.request = FileCall();
  CHECK(judged(remove, 404) == "done");
  CHECK(judged(write, 404) == "failed unavailable");
}
