#include "reconciler/live/process_runner.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "tests/raw_server.h"
#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::RawServer;
using testing::TempFolder;
using Clock = std::chrono::steady_clock;

// Programs on this host, and in containers of an engine at `engine.sock` in the folder.
struct Bench {
  explicit Bench(bool read_only = false)
      : http(std::make_shared<const Platform>(platform()), read_only), runner(http, read_only) {}
  ~Bench() { http.stop(); }

  Platform platform() const {
    Platform made;
    made.engine.host = "unix://" + folder / "engine.sock";
    return made;
  }

  TempFolder folder;
  HttpClient http;
  ProcessRunner runner;
};

ProcessCall program(const std::vector<std::string>& arguments) {
  ProcessCall call;
  call.arguments = arguments;
  return call;
}

ProcessCall script(const std::string& text) { return program({"sh", "-c", text}); }

ProcessCall in_container(std::vector<std::string> arguments) {
  ProcessCall call = program(std::move(arguments));
  call.container = "c0ffee";
  return call;
}

// A zombie, which nobody may have waited for, has no command line.
bool alive(const std::string& pid_file) {
  std::ifstream file(pid_file);
  std::string pid;
  REQUIRE(std::getline(file, pid));
  std::ifstream command("/proc/" + pid + "/cmdline");
  return command.get() != EOF;
}

TEST_CASE("a program on the host is answered with its end and what it wrote") {
  Bench bench;
  const Answer good = bench.runner.call(script("echo out; echo err >&2"));
  CHECK(good.status == 200);
  CHECK(good.body == "out\nerr\n");
  CHECK(good.error.empty());
  const Answer bad = bench.runner.call(script("echo no; exit 3"));
  CHECK(bad.status == 500);
  CHECK(bad.body == "no\n");
  CHECK(bad.error == "exit code 3");
  CHECK(bench.runner.call(script("kill -9 $$")).error == "signal 9");
}

TEST_CASE("arguments reach a program as they are, and the environment beside ours") {
  Bench bench;
  CHECK(bench.runner.call(program({"printf", "%s|", "a b", "$HOME;", ""})).body == "a b|$HOME;||");
  ProcessCall call = script("printf '%s %s' \"$TOKEN\" \"${PATH:+path}\"");
  call.environment = {{"TOKEN", "x=y"}};
  CHECK(bench.runner.call(call).body == "x=y path");
  call.environment = {{"TOKEN", "1"}, {"PATH", ""}};
  CHECK(bench.runner.call(call).body == "1 ");
}

TEST_CASE("an environment file is read when the call is made, and its content stands in no error") {
  Bench bench;
  ProcessCall call = script("printf '%s|%s' \"$TOKEN\" \"$OTHER\"");
  call.environment_file = bench.folder / "dns.env";
  CHECK(bench.runner.call(call).status == 500);
  CHECK(bench.runner.call(call).error.find("cannot open " + call.environment_file) == 0);
  bench.folder.write("dns.env", "# of the name server\n\nTOKEN=a b=c\r\nOTHER=\"$HOME\"\n");
  CHECK(bench.runner.call(call).body == "a b=c|\"$HOME\"");
  bench.folder.write("dns.env", "TOKEN=x\nmy secret\n");
  CHECK(bench.runner.call(call).status == 500);
  CHECK(bench.runner.call(call).error == call.environment_file + ":2: must be NAME=VALUE");
  bench.folder.write("dns.env", "MY SECRET=x\n");
  CHECK(bench.runner.call(call).error == call.environment_file + ":1: must be NAME=VALUE");
}

TEST_CASE("what cannot be started is no such program, or says why") {
  Bench bench;
  bench.folder.write("text", "no program");
  for (const std::string& name :
       {std::string("no-such-program"), bench.folder / "absent", bench.folder / "text/below"}) {
    const Answer answer = bench.runner.call(program({name}));
    CHECK(answer.status == 404);
    CHECK(answer.error.find("cannot start " + name + ": ") == 0);
  }
  const Answer denied = bench.runner.call(program({bench.folder / "text"}));
  CHECK(denied.status == 500);
  CHECK(denied.error == "cannot start " + bench.folder / "text" + ": Permission denied");
  CHECK(bench.runner.call(ProcessCall()).status == 404);
}

TEST_CASE("of a long output the last 64 KiB are kept") {
  Bench bench;
  const Answer answer =
      bench.runner.call(script("head -c 1000000 /dev/zero | tr '\\0' x; echo end"));
  CHECK(answer.status == 200);
  CHECK(answer.body.size() == 65536);
  CHECK(answer.body.substr(65530) == "xxend\n");
}

TEST_CASE("a program has nothing to read, and none of our descriptors") {
  Bench bench;
  const int leak = ::fcntl(0, F_DUPFD, 100);  // without close-on-exec
  REQUIRE(leak >= 100);
  CHECK(bench.runner.call(script("cat")).body.empty());
  CHECK(bench.runner.call(script("readlink /proc/self/fd/0")).body == "/dev/null\n");
  const Answer open = bench.runner.call(script("cd /proc/$$/fd && echo *"));
  ::close(leak);
  CHECK(open.body == "0 1 2 3\n");  // with the last the shell reads this folder
}

TEST_CASE("a program that takes too long is ended with all that it started") {
  Bench bench;
  const std::string pid = bench.folder / "pid";
  ProcessCall call = script("echo begun; sleep 100 & echo $! >" + pid + "; wait");
  call.timeout = milliseconds(300);
  const auto start = Clock::now();
  const Answer answer = bench.runner.call(call);
  CHECK(answer.status == 0);
  CHECK(answer.error == "sh was ended: it took longer than 300 ms");
  CHECK(Clock::now() - start < milliseconds(700));
  for (int i = 0; i < 100 && alive(pid); ++i) std::this_thread::sleep_for(milliseconds(10));
  CHECK_FALSE(alive(pid));
}

TEST_CASE("one that does not want to end is killed half a second later") {
  Bench bench;
  ProcessCall call = script("trap '' TERM; while :; do sleep 0.05; done");
  call.timeout = milliseconds(200);
  const auto start = Clock::now();
  CHECK(bench.runner.call(call).status == 0);
  CHECK(Clock::now() - start >= milliseconds(700));
  CHECK(Clock::now() - start < milliseconds(1500));
}

TEST_CASE("what a program leaves behind is not waited for") {
  Bench bench;
  const auto start = Clock::now();
  CHECK(bench.runner.call(script("echo done; setsid sleep 3 &")).body == "done\n");
  CHECK(Clock::now() - start < milliseconds(2000));
}

TEST_CASE("at the end what runs is ended, and nothing more is started") {
  Bench bench;
  const std::string mark = bench.folder / "mark";
  auto running = std::async(std::launch::async, [&] {
    return bench.runner.call(script("touch " + mark + "; exec sleep 100"));
  });
  while (!fs::exists(mark)) std::this_thread::sleep_for(milliseconds(5));
  const auto start = Clock::now();
  bench.runner.stop();
  const Answer answer = running.get();
  CHECK(Clock::now() - start < milliseconds(500));
  CHECK(answer.status == 0);
  CHECK(answer.error == "fairlead is ending");
  CHECK(bench.runner.call(script("touch " + mark + ".2")).status == 0);
  CHECK_FALSE(fs::exists(mark + ".2"));
}

TEST_CASE("a world that only reads runs what only reads, in containers too") {
  Bench bench(true);
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    connection.read_request();
    connection.answer("{\"message\": \"No such container: c0ffee\"}", "404 Not Found");
  });
  ProcessCall call = program({"touch", bench.folder / "x"});
  call.write = true;
  CHECK(bench.runner.call(call).error == "refused to run touch: this world only reads");
  CHECK_FALSE(fs::exists(bench.folder / "x"));
  call = in_container({"nginx", "-t"});
  call.write = true;
  CHECK(bench.runner.call(call).status == 0);
  CHECK(engine.requests().empty());
  call.write = false;
  const Answer answer = bench.runner.call(call);
  CHECK(answer.status == 404);
  CHECK(answer.error == "No such container: c0ffee");
  CHECK(bench.runner.call(program({"true"})).status == 200);
}

TEST_CASE("of a program in a container the end is asked for until it is known") {
  Bench bench;
  std::atomic<int> asked{0};
  RawServer engine(bench.folder / "engine.sock", [&](const RawServer::Connection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      if (request.find("/containers/c0ffee/exec") != std::string::npos) {
        connection.answer("{\"Id\": \"e1\"}", "201 Created");
      } else if (request.find("/exec/e1/start") != std::string::npos) {
        connection.send("HTTP/1.1 200 OK\r\n\r\none\r\ntwo\r\n");
        return;
      } else {
        connection.answer(++asked < 3 ? "{\"Running\": true, \"ExitCode\": null}"
                                      : "{\"Running\": false, \"ExitCode\": 1}");
      }
    }
  });
  ProcessCall call = in_container({"nginx", "-t", "a b"});
  call.environment = {{"A", "b c"}};
  const Answer answer = bench.runner.call(call);
  CHECK(answer.status == 500);
  CHECK(answer.body == "one\ntwo\n");
  CHECK(answer.error == "exit code 1");
  CHECK(asked == 3);
  CHECK(engine.requests()[0].find(
            R"({"Cmd":["nginx","-t","a b"],"Env":["A=b c"],"AttachStdout":true,)") !=
        std::string::npos);
}

TEST_CASE(
    "where the end of a program in a container does not come to be known there is no answer") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [&](const RawServer::Connection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.find("/start") != std::string::npos) return connection.hang();
      if (request.empty() || !connection.answer("{\"Id\": \"e1\"}")) return;
    }
  });
  ProcessCall call = in_container({"sleep", "100"});
  call.timeout = milliseconds(200);
  const auto start = Clock::now();
  CHECK(bench.runner.call(call).status == 0);
  CHECK(Clock::now() - start < milliseconds(1000));
}

}  // namespace
}  // namespace fairlead::live
