#include <doctest/doctest.h>
#include <unistd.h>

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

}  // namespace
}  // namespace fairlead::testing
