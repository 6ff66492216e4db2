#include "tests/sim/sim_world.h"

#include <doctest/doctest.h>

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration hour = std::chrono::hours(1);

HttpCall call_of(const std::string& method, const std::string& path, const Json& body = {}) {
  HttpCall call;
  call.method = method;
  call.path = path;
  if (!body.is_null()) call.body = body.dump();
  return call;
}

// A world with the image app:1, and a client that asks and waits.
struct Client {
  explicit Client(std::uint64_t seed = 1) : world(WorldOptions{.seed = seed}) {
    SimImage image;
    image.ref = "app:1";
    image.cmd = {"serve"};
    image.program.http["/up"] = {200, seconds(2), 503, "fine"};
    world.engine().add_image(image);
  }
  RequestId send(HttpCall call) {
    world.submit({++last, std::move(call)});
    return last;
  }
  // The answer to `id`; other events are dropped.
  Answer answer(RequestId id) {
    for (;;) {
      const Event event = world.wait(world.now().steady + hour);
      REQUIRE_FALSE(std::holds_alternative<Woken>(event));
      if (const auto* answered = std::get_if<Answered>(&event)) {
        if (answered->request == id) return answered->answer;
      }
    }
  }
  Answer ask(const std::string& method, const std::string& path, const Json& body = {}) {
    return answer(send(call_of(method, path, body)));
  }
  Answer create(const std::string& name) {
    return ask("POST", "/containers/create?name=" + name, Json::object({{"Image", "app:1"}}));
  }
  bool there(const std::string& name) { return world.engine().container(name) != nullptr; }

  SimWorld world;
  RequestId last = 0;
};

std::string run_of(std::uint64_t seed) {
  Client client(seed);
  client.world.faults().chance[Fault::slow] = 0.3;
  client.world.faults().chance[Fault::error_after_effect] = 0.3;
  for (int i = 0; i < 20; ++i) client.create("web" + std::to_string(i));
  return client.world.trace_text() + client.world.engine().final_world();
}

TEST_CASE("one seed is one run, another seed another") {
  CHECK(run_of(5) == run_of(5));
  CHECK(run_of(5) != run_of(6));
}

TEST_CASE("waiting wakes at the deadline, and not before") {
  Client client;
  CHECK(std::holds_alternative<Woken>(client.world.wait(seconds(7))));
  CHECK(client.world.now().steady == seconds(7));
}

TEST_CASE("a jump of the wall clock leaves the steady one alone") {
  Client client;
  const Instant before = client.world.now();
  client.world.jump_wall(-hour);
  CHECK(client.world.now().steady == before.steady);
  CHECK(client.world.now().wall == before.wall - hour);
}

TEST_CASE("each fault has the effect that its name says") {
  struct Row {
    Fault fault;
    int status;
    bool done;
  };
  for (const Row& row :
       {Row{Fault::refused, 0, false}, Row{Fault::hang, 0, false},
        Row{Fault::cut_before_effect, 0, false}, Row{Fault::cut_after_effect, 0, true},
        Row{Fault::error_before_effect, 500, false}, Row{Fault::error_after_effect, 500, true},
        Row{Fault::conflict, 409, false}, Row{Fault::engine_restart, 0, false},
        Row{Fault::slow, 201, true}}) {
    CAPTURE(fault_name(row.fault));
    Client client;
    client.world.faults().at_write[0] = row.fault;
    const int before = sometimes().of(std::string("fault ") + fault_name(row.fault));
    CHECK(client.create("web").status == row.status);
    CHECK(client.there("web") == row.done);
    CHECK(sometimes().of(std::string("fault ") + fault_name(row.fault)) == before + 1);
    CHECK(client.world.trace()[0].fault == row.fault);
  }
}

TEST_CASE("a fault that a call cannot suffer does not happen") {
  Client client;
  client.world.faults().at[0] = Fault::conflict;
  const int before = sometimes().of("fault conflict");
  CHECK(client.ask("GET", "/containers/json").status == 200);
  CHECK(sometimes().of("fault conflict") == before);
}

TEST_CASE("a list can miss an object once, and a listed one be gone when asked") {
  Client client;
  client.create("web");
  client.world.faults().at[1] = Fault::list_missing;
  client.world.faults().at[3] = Fault::not_found;
  CHECK(client.ask("GET", "/containers/json?all=1").body == "[]\n");
  CHECK(client.ask("GET", "/containers/json?all=1").body != "[]\n");
  CHECK(client.ask("POST", "/containers/web/start").status == 404);
  CHECK(client.there("web"));
}

TEST_CASE("a call that hangs ends at its timeout") {
  Client client;
  client.world.faults().at[0] = Fault::hang;
  HttpCall call = call_of("GET", "/version");
  call.timeout = milliseconds(700);
  CHECK(client.answer(client.send(call)).status == 0);
  CHECK(client.world.now().steady >= milliseconds(700));
  CHECK(client.world.now().steady < milliseconds(800));
}

TEST_CASE("a crash before sending has no effect, one after it has") {
  for (const auto when :
       {CrashPlan::When::before_send, CrashPlan::When::after_send, CrashPlan::When::after_answer}) {
    CAPTURE(crash_name(when));
    Client client;
    client.create("first");
    client.world.plan_crash(CrashPlan{1, when});
    CHECK_THROWS_AS(client.create("web"), DaemonCrashed);
    client.world.restart_daemon();
    client.world.run_until(client.world.now().steady + seconds(1));
    CHECK(client.there("web") == (when != CrashPlan::When::before_send));
    CHECK(client.create("third").status == 201);
  }
}

TEST_CASE("what was under way at a crash takes effect, and its answer goes to nobody") {
  Client client;
  client.world.plan_crash(CrashPlan{1, CrashPlan::When::before_send});
  const Json body = Json::object({{"Image", "app:1"}});
  client.send(call_of("POST", "/containers/create?name=one", body));
  CHECK_THROWS_AS(client.send(call_of("POST", "/containers/create?name=two", body)), DaemonCrashed);
  client.world.restart_daemon();
  CHECK(std::holds_alternative<Woken>(client.world.wait(seconds(5))));
  CHECK(client.there("one"));
  CHECK_FALSE(client.there("two"));
}

TEST_CASE("a stream gives what is new, in order, and ends with the engine") {
  Client client;
  client.world.submit(
      {++client.last, Subscribe{call_of("GET", "/events?filters={\"type\":[\"container\"]}")}});
  const RequestId stream = client.last;
  const Event opened = client.world.wait(seconds(5));
  CHECK(std::get<StreamOpened>(opened).stream == stream);
  client.world.engine().outside("POST", "/containers/create?name=web",
                                Json::object({{"Image", "app:1"}}));
  client.world.engine().outside("POST", "/containers/web/start");
  CHECK(std::get<Hinted>(client.world.wait(seconds(5))).line.find("\"Action\":\"create\"") !=
        std::string::npos);
  CHECK(std::get<Hinted>(client.world.wait(seconds(5))).line.find("\"Action\":\"start\"") !=
        std::string::npos);
  client.world.engine_down();
  CHECK(std::get<StreamClosed>(client.world.wait(seconds(5))).stream == stream);
  CHECK(client.ask("GET", "/version").status == 0);
  client.world.engine_up();
  CHECK(client.ask("GET", "/version").status == 200);
}

TEST_CASE("events are lost, doubled and out of order when told so") {
  const auto actions = [](Fault fault) {
    Client client;
    client.world.submit({++client.last, Subscribe{call_of("GET", "/events")}});
    client.world.wait(seconds(1));
    client.world.faults().chance[fault] = 0.5;
    client.create("web");
    std::string seen;
    for (int i = 0; i < 10; ++i) {
      client.world.engine().outside("POST", "/containers/web/rename?name=w" + std::to_string(i));
      client.world.engine().outside("POST",
                                    "/containers/w" + std::to_string(i) + "/rename?name=web");
    }
    for (;;) {
      const Event event = client.world.wait(client.world.now().steady + seconds(2));
      if (std::holds_alternative<Woken>(event)) return seen;
      if (const auto* hint = std::get_if<Hinted>(&event)) seen += hint->line + "\n";
    }
  };
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  CHECK(lines(actions(Fault::event_lost)) < 20);
  CHECK(lines(actions(Fault::event_too_long)) < 20);
  CHECK(lines(actions(Fault::event_duplicated)) > 20);
  const std::string shuffled = actions(Fault::event_reordered);
  CHECK(lines(shuffled) >= 20);
  CHECK(shuffled.find("oldName\":\"/w9\"") < shuffled.rfind("oldName\":\"/w"));
}

TEST_CASE("a pull tells its progress, shares its download and ends with its last client") {
  Client client;
  SimPull plan;
  plan.image.ref = "acme/blog:2";
  plan.takes = seconds(8);
  client.world.engine().add_to_registry(plan);
  HttpCall pull = call_of("POST", "/images/create?fromImage=acme/blog&tag=2");
  pull.progress = true;
  pull.timeout = seconds(5);
  client.send(pull);
  int lines = 0;
  for (;;) {
    const Event event = client.world.wait(seconds(60));
    if (std::holds_alternative<Progressed>(event)) ++lines;
    if (const auto* answered = std::get_if<Answered>(&event)) {
      CHECK(answered->answer.status == 200);
      CHECK(answered->answer.body.empty());
      break;
    }
  }
  CHECK(lines == 3);
  CHECK(client.world.engine().images().count("acme/blog:2") == 1);
  client.world.engine().remove_image("acme/blog:2");
  client.send(pull);
  client.world.run_until(client.world.now().steady + seconds(1));
  client.world.restart_daemon();
  client.world.run_until(client.world.now().steady + seconds(20));
  CHECK(client.world.engine().images().count("acme/blog:2") == 0);
}

TEST_CASE("an error inside a 200 reaches the client of a pull") {
  Client client;
  SimPull plan;
  plan.image.ref = "acme/blog:3";
  plan.error = "toomanyrequests: slow down";
  client.world.engine().add_to_registry(plan);
  HttpCall pull = call_of("POST", "/images/create?fromImage=acme/blog&tag=3");
  pull.progress = true;
  const Answer answer = client.answer(client.send(pull));
  CHECK(answer.status == 200);
  CHECK(Json::parse(answer.body).value()["errorDetail"]["message"].as_string() ==
        "toomanyrequests: slow down");
}

TEST_CASE("a container's own server answers at its address while it runs") {
  Client client;
  client.create("web");
  client.ask("POST", "/containers/web/start");
  const std::string address =
      client.world.engine().container("web")->endpoints.at("bridge").address;
  const auto get = [&](const std::string& path) {
    HttpCall call = call_of("GET", path);
    call.endpoint = address + ":80";
    return client.answer(client.send(call)).status;
  };
  CHECK(get("/up") == 503);
  client.world.run_until(client.world.now().steady + seconds(3));
  CHECK(get("/up") == 200);
  CHECK(get("/other") == 404);
  client.world.engine().docker_pause("web");
  CHECK(get("/up") == 0);
  client.world.engine().docker_rm_f("web");
  CHECK(get("/up") == 0);
}

TEST_CASE("files outlive the daemon, a full disk refuses them, and secrets can be mounted") {
  Client client;
  const auto act = [&](FileCall::Act what, const std::string& path) {
    FileCall file;
    file.act = what;
    file.area = FileCall::Area::secrets;
    file.path = path;
    file.content = Secret("text");
    client.world.submit({++client.last, file});
    return client.answer(client.last);
  };
  CHECK(act(FileCall::Act::list, "").status == 404);
  CHECK(act(FileCall::Act::write, "blog/web/key").status == 200);
  client.world.restart_daemon();
  CHECK(act(FileCall::Act::list, "blog").body == R"(["blog/web/key"])");
  client.world.faults().disk_full_secrets = true;
  CHECK(act(FileCall::Act::write, "blog/web/other").status == 500);
  const auto mounted = [&](const std::string& source) {
    const Json mount = Json::object({{"Type", "bind"}, {"Source", source}, {"Target", "/run/x"}});
    return client
        .ask("POST", "/containers/create?name=web",
             Json::object({{"Image", "app:1"},
                           {"HostConfig", Json::object({{"Mounts", Json::array({mount})}})}}))
        .status;
  };
  CHECK(mounted("/run/fairlead/secrets/blog/web/none") == 400);
  CHECK(mounted("/run/fairlead/secrets/blog/web/key") == 201);
  CHECK(act(FileCall::Act::remove, "blog").status == 200);
  CHECK(act(FileCall::Act::remove, "blog").status == 404);
}

TEST_CASE("a new daemon is told the folder, and unchanged files keep their text") {
  Client client;
  client.world.set_files({{"a.yml", "name: a"}, {"b.yml", "name: b"}});
  const auto first = std::get<ManifestsChanged>(client.world.wait(seconds(1))).reading;
  client.world.set_file("b.yml", "name: c");
  const auto second = std::get<ManifestsChanged>(client.world.wait(seconds(1))).reading;
  CHECK(first->files[0].text == second->files[0].text);
  CHECK(first->files[1].text != second->files[1].text);
  client.world.set_folder_missing();
  client.world.restart_daemon();
  const auto third = std::get<ManifestsChanged>(client.world.wait(seconds(1))).reading;
  CHECK(third->state == FolderReading::State::missing);
  CHECK(std::holds_alternative<Woken>(client.world.wait(seconds(2))));
}

TEST_CASE("a command gets its reply recorded") {
  Client client;
  const std::uint64_t id = client.world.command("status", {{"app", "blog"}});
  const Command command = std::get<Command>(client.world.wait(seconds(1)));
  CHECK(command.id == id);
  CHECK_FALSE(client.world.reply(id).has_value());
  client.world.submit({0, Reply{id, 200, Json::object({{"apps", 1}})}});
  CHECK(client.world.reply(id)->body["apps"].as_int() == 1);
}

}  // namespace
}  // namespace fairlead::sim
