#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <future>
#include <thread>

#include "reconciler/live/process_runner.h"
#include "tests/live/live_engine.h"

// Programs in containers of a real engine.
namespace fairlead::testing {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class Bench {
 public:
  Bench() {
    engine.make_images();
    engine.run(name, Json::object());
  }
  ~Bench() { engine.remove(name); }

  Answer run(std::vector<std::string> arguments, milliseconds timeout = milliseconds(10'000)) {
    ProcessCall call;
    call.container = name;
    call.arguments = std::move(arguments);
    call.environment = {{"TOKEN", "a b"}};
    call.timeout = timeout;
    return runner.call(call);
  }
  // One that a kept shell may run.
  Answer run_kept(live::ProcessRunner& with, std::vector<std::string> arguments,
                  milliseconds timeout = milliseconds(10'000)) const {
    ProcessCall call;
    call.container = name;
    call.arguments = std::move(arguments);
    call.timeout = timeout;
    return with.call(call);
  }
  // Shells that wait in the container, as its processes tell.
  int shells() const {
    int found = 0;
    const Json top = engine.done("GET", "/containers/" + name + "/top");
    for (const Json& process : top["Processes"].items())
      found += process.items().back().as_string().find("read -r mark") != std::string::npos ? 1 : 0;
    return found;
  }

  const std::string name = "process-test-" + std::to_string(::getpid());
  LiveEngine engine{LiveEngine::default_socket()};

 private:
  static Platform platform() {
    Platform made;
    made.engine.host = "unix://" + LiveEngine::default_socket();
    return made;
  }

 public:
  live::HttpClient http{std::make_shared<const Platform>(platform()), false};
  live::ProcessRunner runner{http, false};
};

TEST_CASE("a program in a container is answered with its end and what it wrote") {
  Bench bench;
  const Answer good = bench.run({"sh", "-c", "echo out $TOKEN; echo err >&2"});
  CHECK(good.status == 200);
  CHECK(good.body == "out a b\nerr\n");
  const Answer bad = bench.run({"sh", "-c", "echo no; exit 3"});
  CHECK(bad.status == 500);
  CHECK(bad.body == "no\n");
  CHECK(bad.error == "exit code 3");
  CHECK(bench.run({"true"}).body.empty());
}

TEST_CASE("of a long output in a container the last 64 KiB are kept") {
  Bench bench;
  const Answer answer = bench.run(
      {"sh", "-c", "i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678; i=$((i + 1)); done"});
  CHECK(answer.status == 200);
  CHECK(answer.body.size() > 60'000);
  CHECK(answer.body.size() <= 65'536);
  CHECK(answer.body.substr(answer.body.size() - 20) == "0123456789012345678\n");
}

TEST_CASE("a program that its image lacks is 404, and so is a container that is gone") {
  Bench bench;
  for (const char* absent : {"no-such-program", "/no/such/program"}) {
    const Answer answer = bench.run({absent});
    CHECK(answer.status == 404);
    CHECK(answer.error.find("OCI runtime exec failed") == 0);
  }
  CHECK(bench.run({"/bin"}).status == 500);  // no program
  // One that says what the runtime says has been started nevertheless.
  CHECK(bench.run({"sh", "-c", "echo fine; exit 127"}).error == "exit code 127");
  ProcessCall call;
  call.container = "no-such-container-" + bench.name;
  call.arguments = {"true"};
  CHECK(bench.runner.call(call).status == 404);
}

TEST_CASE("in a container that does not run no program is run: 409") {
  Bench bench;
  bench.engine.done("POST", "/containers/" + bench.name + "/kill");
  while (bench.engine.inspect(bench.name)["State"]["Running"].as_bool())
    std::this_thread::sleep_for(milliseconds(20));
  const Answer answer = bench.run({"true"});
  CHECK(answer.status == 409);
  CHECK(answer.error.find("is not running") != std::string::npos);
}

TEST_CASE(
    "of a program whose container is killed meanwhile, or that takes too long, nothing is said") {
  Bench bench;
  const auto start = Clock::now();
  CHECK(bench.run({"sleep", "100"}, milliseconds(300)).status == 0);
  CHECK(Clock::now() - start < milliseconds(1500));
  auto running = std::async(std::launch::async, [&] { return bench.run({"sleep", "100"}); });
  std::this_thread::sleep_for(milliseconds(500));
  bench.engine.done("POST", "/containers/" + bench.name + "/kill");
  const Answer answer = running.get();
  CHECK((answer.status == 0 || answer.error == "exit code 137"));
}

TEST_CASE("calls to the engine go on as before after the output of programs") {
  Bench bench;
  HttpCall call;
  call.method = "POST";
  call.path = "/containers/" + bench.name + "/rename?name=" + bench.name;  // refused, if it arrives
  for (int i = 0; i < 20; ++i) {
    CHECK(bench.run({"echo", std::to_string(i)}).body == std::to_string(i) + "\n");
    CHECK(bench.http.call(call).status >= 400);
  }
}

milliseconds median_of_7(const std::function<void()>& act) {
  std::vector<milliseconds> took;
  for (int i = 0; i < 7; ++i) {
    const auto start = Clock::now();
    act();
    took.push_back(std::chrono::ceil<milliseconds>(Clock::now() - start));
  }
  std::sort(took.begin(), took.end());
  return took[3];
}

TEST_CASE("programs that only read run one after another in one shell, and far quicker") {
  Bench bench;
  CHECK(bench.run_kept(bench.runner, {"echo", "one"}).body == "one\n");
  CHECK(bench.shells() == 1);
  const milliseconds kept =
      median_of_7([&] { CHECK(bench.run_kept(bench.runner, {"/bin/true"}).status == 200); });
  const milliseconds alone = median_of_7([&] { CHECK(bench.run({"/bin/true"}).status == 200); });
  CHECK(kept.count() * 2 < alone.count());
  CHECK(bench.shells() == 1);
}

TEST_CASE("a kept shell takes words as they are, and tells the end and both streams") {
  Bench bench;
  const std::vector<std::string> words = {"printf", "%s|", "a b", "$(id)", "", "-n", "\"';`\\ *"};
  CHECK(bench.run_kept(bench.runner, words).body == "a b|$(id)||-n|\"';`\\ *|");
  const Answer bad = bench.run_kept(bench.runner, {"sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(bad.status == 500);
  CHECK(bad.error == "exit code 3");
  CHECK(bad.body == "out\nerr\n");
  // What looks like the end of a program, or would read what comes next.
  CHECK(bench.run_kept(bench.runner, {"printf", "\\nmark 7\\n"}).body == "\nmark 7\n");
  CHECK(bench.run_kept(bench.runner, {"cat"}).body.empty());
  const Answer many = bench.run_kept(
      bench.runner,
      {"sh", "-c", "i=0; while [ $i -lt 40000 ]; do echo 0123456789012345678; i=$((i + 1)); done"});
  CHECK(many.body.size() > 60'000);
  CHECK(many.body.size() <= 65'536);
  CHECK(bench.run_kept(bench.runner, {"no-such-program"}).status == 404);
  CHECK(bench.shells() == 1);
}

TEST_CASE("a kept shell ends with who keeps it, and where its container is started anew") {
  Bench bench;
  {
    live::ProcessRunner other(bench.http, false);
    CHECK(bench.run_kept(other, {"true"}).status == 200);
    CHECK(bench.shells() == 1);
    bench.engine.done("POST", "/containers/" + bench.name + "/restart?t=0");
    CHECK(bench.shells() == 0);
    CHECK(bench.run_kept(other, {"echo", "anew"}).body == "anew\n");  // by an exec of its own
    CHECK(bench.run_kept(other, {"echo", "kept"}).body == "kept\n");
    CHECK(bench.shells() == 1);
    CHECK(bench.run_kept(other, {"sleep", "100"}, milliseconds(300)).status == 0);
    CHECK(bench.run_kept(other, {"echo", "on"}).body == "on\n");
  }
  const auto end = Clock::now() + std::chrono::seconds(5);
  while (bench.shells() > 1 && Clock::now() < end) std::this_thread::sleep_for(milliseconds(20));
  CHECK(bench.shells() <= 1);  // one may sleep for whom nobody waits any more
}

TEST_CASE("where there is no shell each program has an exec of its own") {
  Bench bench;
  bench.engine.remove(bench.name);
  bench.engine.run(bench.name, Json::object({{"Env", Json::array({"PATH=/nowhere"})},
                                             {"Entrypoint", Json::array({"/bin/sleep", "1000"})}}));
  for (int i = 0; i < 2; ++i)
    CHECK(bench.run_kept(bench.runner, {"/bin/echo", "here"}).body == "here\n");
  CHECK(bench.shells() == 0);
}

}  // namespace
}  // namespace fairlead::testing
