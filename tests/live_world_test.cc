#include "reconciler/live/live_world.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <csignal>
#include <future>

#include "reconciler/live/control_client.h"
#include "reconciler/live/file_io.h"
#include "tests/raw_server.h"
#include "tests/temp_folder.h"

namespace fairlead::live {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::RawServer;
using testing::TempFolder;
using Clock = std::chrono::steady_clock;

// A live world in a folder of its own, with its engine at `engine.sock` there.
class Bench {
 public:
  Bench() {
    platform.engine.host = "unix://" + folder / "engine.sock";
    platform.folders.manifests = folder / "manifests";
    platform.folders.secrets = folder / "secrets";
    platform.folders.state = folder / "state";
    platform.folders.mounted_secrets = folder / "run/secrets";
    platform.socket = folder / "run/control.sock";
  }

  LiveWorld& world() {
    if (!world_) {
      options.platform = std::make_shared<const Platform>(platform);
      options.platform_path = folder / "fairlead.yml";
      auto opened = LiveWorld::open(options);
      REQUIRE(opened.ok());
      world_ = std::move(*opened);
    }
    return *world_;
  }
  void end() { world_.reset(); }

  RequestId submit(decltype(Request::what) what) {
    world().submit(Request{++last_, std::move(what)});
    return last_;
  }
  // The next event of that kind; others are dropped.
  template <typename T>
  std::optional<T> next(milliseconds within = milliseconds(3000)) {
    const Duration deadline = world().now().steady + within;
    for (;;) {
      Event event = world().wait(deadline);
      if (auto* found = std::get_if<T>(&event)) return std::move(*found);
      if (std::holds_alternative<Woken>(event)) return std::nullopt;
    }
  }
  Answer call(HttpCall http) {
    const RequestId id = submit(std::move(http));
    const auto answered = next<Answered>();
    REQUIRE(answered);
    CHECK(answered->request == id);
    return answered->answer;
  }
  Answer file(FileCall::Act act, const std::string& path, const std::string& content = "") {
    FileCall call;
    call.act = act;
    call.path = path;
    call.content = Secret(content);
    submit(std::move(call));
    const auto answered = next<Answered>();
    REQUIRE(answered);
    return answered->answer;
  }

  TempFolder folder;
  Platform platform;
  LiveOptions options;

 private:
  RequestId last_ = 0;
  std::unique_ptr<LiveWorld> world_;
};

HttpCall get(const std::string& path) {
  HttpCall call;
  call.path = path;
  return call;
}

HttpCall post(const std::string& path, const std::string& body = "{}") {
  HttpCall call = get(path);
  call.method = "POST";
  call.body = body;
  return call;
}

void answer_all(const RawServer::Connection& connection) {
  for (;;) {
    const std::string request = connection.read_request();
    if (request.empty() || !connection.answer("for " + request.substr(0, request.find(" HTTP"))))
      return;
  }
}

TEST_CASE("a call is answered with status and body, over one connection that stays open") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", answer_all);
  CHECK(bench.call(get("/v1.41/info?a=%2F")).body == "for GET /v1.41/info?a=%2F");
  const Answer answer = bench.call(post("/create", "{\"a\":1}"));
  CHECK(answer.status == 200);
  CHECK(answer.body == "for POST /create");
  CHECK(engine.connections() == 1);
  const std::string sent = engine.requests().at(1);
  CHECK(sent.find("Host: localhost\r\n") != std::string::npos);
  CHECK(sent.find("Content-Type: application/json\r\n") != std::string::npos);
  CHECK(sent.substr(sent.size() - 7) == "{\"a\":1}");
}

TEST_CASE("an engine that is not there gives no answer and says so") {
  Bench bench;
  const Answer answer = bench.call(get("/info"));
  CHECK_FALSE(answer.answered());
  CHECK(answer.error ==
        "no connection to unix://" + bench.folder / "engine.sock" + ": No such file or directory");
}

TEST_CASE("a 304 without a length is a whole answer") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 304 Not Modified\r\nApi-Version: 1.41\r\n\r\n");
    connection.hang();
  });
  const auto start = Clock::now();
  CHECK(bench.call(post("/containers/a/start")).status == 304);
  CHECK(Clock::now() - start < milliseconds(1000));
}

TEST_CASE(
    "on a connection that the engine closed, a reading call is sent again and a writing one "
    "never") {
  for (const bool writing : {false, true}) {
    Bench bench;
    RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
      connection.read_request();
      connection.answer("first");
      // The second request on the first connection is read and never answered.
      if (connection.number() == 1 && !connection.read_request().empty()) return;
      answer_all(connection);
    });
    REQUIRE(bench.call(get("/one")).body == "first");
    const Answer answer = bench.call(writing ? post("/two") : get("/two"));
    CHECK(answer.answered() == !writing);
    CHECK(engine.requests().size() == (writing ? 2 : 3));
  }
}

TEST_CASE("an answer that trickles or never comes ends at the deadline") {
  for (const bool trickle : {false, true}) {
    Bench bench;
    RawServer engine(bench.folder / "engine.sock", [&](const RawServer::Connection& connection) {
      connection.read_request();
      while (trickle && connection.send("H")) std::this_thread::sleep_for(milliseconds(20));
      connection.hang();
    });
    HttpCall call = get("/slow");
    call.timeout = milliseconds(200);
    const auto start = Clock::now();
    const Answer answer = bench.call(call);
    CHECK(Clock::now() - start < milliseconds(600));
    CHECK_FALSE(answer.answered());
    CHECK(answer.error == "no whole answer within 200 ms");
  }
}

TEST_CASE("an answer that is cut off or too long counts as none") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    const bool cut = connection.read_request().find("/cut") != std::string::npos;
    if (cut) {
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    } else {
      connection.answer(std::string(1001, 'x'));
    }
  });
  CHECK(bench.call(get("/cut")).status == 0);
  HttpCall call = get("/long");
  call.body_max = 1000;
  CHECK(bench.call(call).error == "the answer is longer than 1000 bytes");
  call.body_max = 1001;
  CHECK(bench.call(call).body.size() == 1001);
}

TEST_CASE("a call with progress tells lines meanwhile and keeps the ones with an error") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":\"a\"}\r\n{\"sta");
    connection.send("tus\":\"b\"}\n{\"errorDetail\":{\"message\":\"denied\"}}\n");
  });
  HttpCall call = post("/images/create");
  call.progress = true;
  bench.submit(call);
  const auto progressed = bench.next<Progressed>();
  REQUIRE(progressed);
  CHECK(progressed->line == "{\"status\":\"a\"}");
  const auto answered = bench.next<Answered>();
  REQUIRE(answered);
  CHECK(answered->answer.body == "{\"errorDetail\":{\"message\":\"denied\"}}\n");
}

TEST_CASE("calls run side by side: a hanging one delays no other") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    if (connection.read_request().find("/hang") != std::string::npos) return connection.hang();
    connection.answer("ok");
  });
  for (int i = 0; i < 20; ++i) bench.submit(get("/hang"));
  const RequestId quick = bench.submit(get("/quick"));
  const auto answered = bench.next<Answered>(milliseconds(1000));
  REQUIRE(answered);
  CHECK(answered->request == quick);
}

TEST_CASE("a stream opens, hands on whole lines and ends when it is unsubscribed") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(300));  // longer than the call's own timeout
    connection.send("6\r\n{\"a\":1\r\n8\r\n}\n{\"b\":2\r\n2\r\n}\n\r\n");
    connection.hang();
  });
  HttpCall call = get("/events");
  call.timeout = milliseconds(200);
  const RequestId stream = bench.submit(Subscribe{call});
  REQUIRE(bench.next<StreamOpened>());
  CHECK(bench.next<Hinted>()->line == "{\"a\":1}");
  CHECK(bench.next<Hinted>()->line == "{\"b\":2}");
  bench.submit(Unsubscribe{stream});
  const auto closed = bench.next<StreamClosed>();
  REQUIRE(closed);
  CHECK(closed->stream == stream);
}

TEST_CASE("a line of a stream that is too long is skipped and told at once; the stream goes on") {
  Bench bench;
  std::promise<void> told;
  RawServer engine(bench.folder / "engine.sock", [&](const RawServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n\r\n{\"a\":1}\n" + std::string(1 << 20, 'x') + "\n");
    connection.send(std::string((1 << 20) + 1, 'y'));
    told.get_future().wait_for(milliseconds(3000));  // before its end is there
    connection.send(std::string(3 << 20, 'y') + "\n{\"b\":2}\n");
    connection.hang();
  });
  bench.submit(Subscribe{get("/events")});
  CHECK(bench.next<Hinted>()->line == "{\"a\":1}");
  CHECK(bench.next<Hinted>()->line == std::string(1 << 20, 'x'));
  const auto lost = bench.next<EventsLost>(milliseconds(2000));
  told.set_value();
  REQUIRE(lost);
  CHECK(lost->why == "a line longer than 1048576 bytes was skipped");
  CHECK(bench.next<Hinted>()->line == "{\"b\":2}");
}

TEST_CASE("a call with progress that has a line too long counts as none: it may tell an error") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n\r\n{\"error\":\"" + std::string(2 << 20, 'x') + "\"}\n");
  });
  HttpCall call = post("/images/create");
  call.progress = true;
  const Answer answer = bench.call(call);
  CHECK(answer.status == 0);
  CHECK(answer.too_long);
}

TEST_CASE("a stream that is refused, cut off or never opened is closed with the reason") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    if (connection.number() == 1) {
      connection.read_request();
      connection.answer("{\"message\":\"too old\"}", "400 Bad Request");
    } else if (connection.number() == 2) {
      connection.hang();
    }
  });
  HttpCall call = get("/events");
  call.timeout = milliseconds(200);
  bench.submit(Subscribe{call});
  CHECK(bench.next<StreamClosed>()->error == "HTTP 400: {\"message\":\"too old\"}");
  bench.submit(Subscribe{call});
  CHECK(bench.next<StreamClosed>()->error == "the stream did not open within 200 ms");
  bench.submit(Subscribe{call});
  const auto closed = bench.next<StreamClosed>();
  REQUIRE(closed);
  CHECK_FALSE(closed->error.empty());
}

TEST_CASE("a pull carries the registry's login, and none where there is none") {
  Bench bench;
  bench.folder.write("password", "pässword?>\n");
  bench.platform.registries["ghcr.io"] = {"me", bench.folder / "password"};
  bench.platform.registries["bad.io"] = {"me", bench.folder / "nowhere"};
  RawServer engine(bench.folder / "engine.sock", answer_all);
  const auto pull = [&](const std::string& host) {
    HttpCall call = post("/images/create");
    call.headers.emplace_back("X-Registry-Auth", "@" + host);
    return bench.call(call);
  };
  CHECK(pull("ghcr.io").ok());
  CHECK(pull("docker.io").ok());
  const Answer refused = pull("bad.io");
  CHECK(refused.status == 0);
  CHECK(refused.error.find(bench.folder / "nowhere") != std::string::npos);
  const auto requests = engine.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].find("X-Registry-Auth: eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJww6Rzc3dvcmQ_"
                         "PiIsInNlcnZlcmFkZHJlc3MiOiJnaGNyLmlvIn0=\r\n") != std::string::npos);
  CHECK(requests[1].find("X-Registry-Auth") == std::string::npos);
}

TEST_CASE("class 8: nothing is pulled from a name that leads to this host, unless it is listed") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", answer_all);
  HttpCall call = post("/images/create");
  call.headers.emplace_back("X-Registry-Auth", "@localhost:5000");
  const Answer refused = bench.call(call);
  CHECK(refused.status == 0);
  CHECK(refused.error.find("nothing is pulled from localhost:5000: its address ") == 0);
  CHECK(engine.requests().empty());
}

TEST_CASE("not one byte of a writing request leaves a world that only reads") {
  Bench bench;
  bench.options.read_only = true;
  RawServer engine(bench.folder / "engine.sock", answer_all);
  CHECK(bench.call(post("/create")).status == 0);
  HttpCall remove = get("/containers/a");
  remove.method = "DELETE";
  CHECK(bench.call(remove).status == 0);
  bench.submit(Subscribe{post("/events")});
  CHECK(bench.next<StreamClosed>());
  CHECK(engine.requests().empty());
  CHECK(bench.file(FileCall::Act::write, "a", "x").status == 500);
  CHECK_FALSE(fs::exists(bench.folder / "state"));
  CHECK(bench.call(get("/info")).ok());
}

TEST_CASE("an SQL call is answered, and a writing one is refused by a world that only reads") {
  for (const bool read_only : {false, true}) {
    Bench bench;
    bench.options.read_only = read_only;
    SqlCall statement;
    statement.endpoint = "127.0.0.1:1";  // where nothing listens
    statement.write = true;
    const RequestId id = bench.submit(statement);
    const auto answered = bench.next<Answered>();
    REQUIRE(answered);
    CHECK(answered->request == id);
    CHECK(answered->answer.status == 0);
    CHECK(answered->answer.error.find(read_only ? "refused a writing statement"
                                                : "no connection to 127.0.0.1:1: ") == 0);
  }
}

TEST_CASE("a program is run, and one that writes is refused by a world that only reads") {
  for (const bool read_only : {false, true}) {
    Bench bench;
    bench.options.read_only = read_only;
    ProcessCall call;
    call.arguments = {"touch", bench.folder / "mark"};
    call.write = true;
    const RequestId id = bench.submit(call);
    const auto answered = bench.next<Answered>();
    REQUIRE(answered);
    CHECK(answered->request == id);
    CHECK(answered->answer.status == (read_only ? 0 : 200));
    CHECK(fs::exists(bench.folder / "mark") == !read_only);
  }
}

TEST_CASE("the world ends within a second with calls and streams hanging") {
  Bench bench;
  RawServer engine(bench.folder / "engine.sock", [](const RawServer::Connection& connection) {
    if (connection.read_request().find("/events") != std::string::npos)
      connection.send("HTTP/1.1 200 OK\r\n\r\n");
    connection.hang();
  });
  HttpCall call = post("/hang");
  call.timeout = std::chrono::minutes(5);
  for (int i = 0; i < 10; ++i) bench.submit(call);
  bench.submit(Subscribe{get("/events")});
  HttpCall nowhere = get("/");
  nowhere.endpoint = "192.0.2.1:80";  // an address that is never answered
  bench.submit(nowhere);
  SqlCall statement;
  statement.endpoint = "192.0.2.1:3306";
  statement.timeout = std::chrono::minutes(5);
  bench.submit(statement);
  ProcessCall program;
  program.arguments = {"sleep", "1000"};
  program.timeout = std::chrono::minutes(5);
  bench.submit(program);
  REQUIRE(bench.next<StreamOpened>());
  const auto start = Clock::now();
  bench.end();
  CHECK(Clock::now() - start < milliseconds(1000));
}

TEST_CASE("a deadline that has passed wakes, and an event that is there comes first") {
  Bench bench;
  REQUIRE(bench.next<ManifestsChanged>());
  const auto start = Clock::now();
  CHECK(std::holds_alternative<Woken>(
      bench.world().wait(bench.world().now().steady + milliseconds(50))));
  CHECK(Clock::now() - start >= milliseconds(50));
  std::raise(SIGTERM);
  CHECK(std::holds_alternative<Stop>(bench.world().wait(Duration(0))));
}

TEST_CASE("on SIGHUP a valid platform file is handed on, an invalid one is not") {
  Bench bench;
  REQUIRE(bench.next<ManifestsChanged>());
  bench.folder.write("fairlead.yml", "domain: example.org\nfolders: {manifests: " +
                                         bench.folder / "elsewhere" + "}\n");
  bench.folder.write("elsewhere/a.yml", "x");
  std::raise(SIGHUP);
  const auto changed = bench.next<PlatformChanged>();
  REQUIRE(changed);
  CHECK(changed->platform->domain == "example.org");
  const auto manifests = bench.next<ManifestsChanged>();
  REQUIRE(manifests);
  CHECK(manifests->reading->files.size() == 1);
  bench.folder.write("fairlead.yml", "domian: example.org\n");
  std::raise(SIGHUP);
  CHECK_FALSE(bench.next<PlatformChanged>(milliseconds(300)));
}

TEST_CASE("file calls keep their order") {
  Bench bench;
  FileCall write;
  write.path = "a";
  FileCall remove = write;
  remove.act = FileCall::Act::remove;
  for (int i = 0; i < 50; ++i) {
    bench.submit(write);
    bench.submit(remove);
  }
  for (int i = 0; i < 100; ++i) {
    const auto answered = bench.next<Answered>();
    REQUIRE(answered);
    CHECK(answered->answer.status == 200);
  }
}

TEST_CASE("who asks over the control socket gets the loop's reply") {
  Bench bench;
  bench.world();
  struct stat status;
  REQUIRE(::stat(bench.platform.socket.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
  for (const std::string verb : {"explain", "purge"}) {
    std::optional<Result<ControlAnswer>> answer;
    std::thread asker([&] { answer = ask(bench.platform.socket, verb, {{"app", "a b&c=ü"}}); });
    const auto command = bench.next<Command>();
    if (command) {
      CHECK(command->verb == verb);
      CHECK(command->words == std::map<std::string, std::string>{{"app", "a b&c=ü"}});
      bench.submit(Reply{command->id, 404, Json::object({{"error", "no such app"}})});
    }
    asker.join();
    REQUIRE(answer->ok());
    CHECK((*answer)->status == 404);
    CHECK((*answer)->body["error"].as_string() == "no such app");
  }
}

}  // namespace
}  // namespace fairlead::live
