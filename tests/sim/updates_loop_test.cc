#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/host.h"

// An app that follows the tags of its image: what a registry has, through the health gate, into
// containers, over crashes of the daemon and troubles of the registry.
namespace fairlead::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using When = CrashPlan::When;

const std::string name = std::string(SimRegistry::place) + "/acme/blog";

std::string manifest(const std::string& track = "numeric", const std::string& more = "") {
  return "name: blog\nimage: " + name + ":0041\nupdate: {track: " + track + ", interval: 1m}\n" +
         more;
}

std::string pinned(const std::string& tag, char digit) {
  return name + ":" + tag + "@" + SimRegistry::digest(digit);
}

enum class Kind { good, crashes };

// Puts an image into the registry, where the engine finds it by its digest and by its tag.
void push(Host& host, const std::string& tag, char digit, Kind kind = Kind::good) {
  host.world().registry().push("acme/blog", tag, SimRegistry::digest(digit));
  for (const std::string& ref : {name + "@" + SimRegistry::digest(digit), name + ":" + tag}) {
    SimPull pull;
    pull.image = image(ref);
    if (kind == Kind::crashes) {
      pull.image.program.runs_for = milliseconds(500);
      pull.image.program.exit_code = 1;
    }
    host.engine().add_to_registry(pull);
  }
}

// The images of the app's running containers.
std::string runs(Host& host) {
  std::string images;
  for (const auto& [id, container] : host.engine().containers()) {
    const bool ours = container.name.starts_with("blog.") && container.status() == "running";
    if (ours) images += (images.empty() ? "" : " ") + container.image;
  }
  return images;
}

std::string id(Host& host) {
  for (const auto& [key, container] : host.engine().containers()) {
    if (container.name.starts_with("blog.")) return key;
  }
  return "";
}

Json status(Host& host) {
  const Reply reply = host.ask("status");
  for (const Json& app : reply.body["apps"].items()) {
    if (app["name"].as_string() == "blog") return app;
  }
  return {};
}

int created(Host& host, const std::string& image) {
  const auto& trace = host.world().trace();
  return static_cast<int>(std::count_if(trace.begin(), trace.end(), [&](const TraceLine& line) {
    return line.path.find("/containers/create?name=blog.") != line.path.npos &&
           line.body.find("\"Image\":\"" + image + "\"") != line.body.npos;
  }));
}

bool kept(Host& host) {
  return host.world().files(FileCall::Area::state).count("updates/blog.json") > 0;
}

void check_settled(Host& host, const std::string& image) {
  CHECK(runs(host) == image);
  CHECK(host.health("blog") == "Healthy");
  CHECK(host.sync("blog") == "Synced");
  CHECK(host.violations().empty());
}

// Serves 0041, which must never stop serving from then on.
void settle(Host& host, const std::string& track = "numeric") {
  push(host, "0041", 'a');
  host.serving = {{"blog", 1}};
  host.world().set_file("blog.yml", manifest(track));
  host.run(seconds(30));
  check_settled(host, pinned("0041", 'a'));
}

TEST_CASE("an app starts with the newest tag, pinned by its digest") {
  Host host;
  push(host, "0041", 'a');
  push(host, "0042", 'b');
  host.world().set_file("blog.yml", manifest());
  host.run(seconds(30));
  check_settled(host, pinned("0042", 'b'));
  CHECK(created(host, name + ":0041") == 0);
  const Json update = status(host)["update"];
  CHECK(update["track"].as_string() == "numeric");
  CHECK(update["tag"].as_string() == "0042");
  CHECK(update["digest"].as_string() == SimRegistry::digest('b'));
}

TEST_CASE("a newer tag is found within the interval and rolled out") {
  Host host;
  settle(host);
  push(host, "0042", 'b');
  host.run(minutes(2));
  check_settled(host, pinned("0042", 'b'));
  CHECK(status(host)["update"]["tag"].as_string() == "0042");
  const std::string history = host.ask("explain", {{"app", "blog"}}).body["history"].dump();
  CHECK(history.find("→ 0042@" + SimRegistry::digest('b') + " (blog.yml:2)") != history.npos);
  const std::uint64_t writes = host.world().writes();
  host.run(hours(1));
  CHECK(host.world().writes() == writes);
}

TEST_CASE("a newer tag that fails its gate is not tried again until there is a newer one") {
  Host host;
  settle(host);
  push(host, "0042", 'b', Kind::crashes);
  host.run(minutes(10));
  check_settled(host, pinned("0041", 'a'));
  const Json failed = status(host)["update"]["failed"];
  CHECK(failed["tag"].as_string() == "0042");
  CHECK(failed["digest"].as_string() == SimRegistry::digest('b'));
  CHECK(!failed["why"].as_string().empty());
  SUBCASE("not by waiting") { host.run(hours(5)); }
  SUBCASE("not by a restart") {
    host.crash_now();
    host.run(hours(1));
  }
  check_settled(host, pinned("0041", 'a'));
  CHECK(created(host, pinned("0042", 'b')) == 1);
  push(host, "0043", 'c');
  host.run(minutes(2));
  check_settled(host, pinned("0043", 'c'));
}

TEST_CASE("where the newest tag fails at the very start, the manifest's own is run") {
  Host host;
  push(host, "0041", 'a');
  push(host, "0042", 'b', Kind::crashes);
  host.world().set_file("blog.yml", manifest());
  host.run(minutes(10));
  check_settled(host, name + ":0041");
  CHECK(status(host)["update"]["failed"]["tag"].as_string() == "0042");
}

TEST_CASE("a tag that was moved is followed by digest, and by digest alone") {
  Host host;
  SUBCASE("digest") {
    settle(host, "digest");
    push(host, "0041", 'b');
    push(host, "0042", 'c');
    host.run(minutes(2));
    check_settled(host, pinned("0041", 'b'));
  }
  SUBCASE("numeric") {
    settle(host);
    push(host, "0041", 'b');
    host.run(minutes(10));
    check_settled(host, pinned("0041", 'a'));
  }
}

TEST_CASE("a registry that is down changes nothing, neither for a daemon that starts") {
  Host host;
  settle(host);
  const std::string before = id(host);
  host.world().registry().set_up(false);
  SUBCASE("while the daemon runs") {}
  SUBCASE("while it starts") { host.crash_now(); }
  host.run(minutes(20));
  check_settled(host, pinned("0041", 'a'));
  CHECK(id(host) == before);
  CHECK(status(host)["update"]["error"].as_string().find("cannot be reached") != std::string::npos);
  push(host, "0042", 'b');
  host.world().registry().set_up(true);
  host.run(hours(1) + minutes(10));
  check_settled(host, pinned("0042", 'b'));
  CHECK(status(host)["update"]["error"].as_string().empty());
}

TEST_CASE("an app that starts while its registry is down runs what its manifest says") {
  Host host;
  push(host, "0041", 'a');
  host.world().registry().set_up(false);
  host.world().set_file("blog.yml", manifest());
  host.run(minutes(1));
  check_settled(host, name + ":0041");
}

TEST_CASE("a wrong login is told, and a right one is tried as soon as it is there") {
  Host host;
  const auto platform = [](const std::string& user) {
    auto made = std::make_shared<Platform>();
    made->registries[SimRegistry::place] = {user, "/etc/password"};
    return made;
  };
  push(host, "0041", 'a');
  host.world().registry().set_user("ann");
  host.world().platform_changed(platform("bob"));
  host.world().set_file("blog.yml", manifest());
  host.run(minutes(5));
  check_settled(host, name + ":0041");
  const std::string message = status(host)["message"].as_string();
  CHECK_MESSAGE(message.find("refuses the login of bob") != message.npos, message);
  host.world().platform_changed(platform("ann"));
  host.run(seconds(20));
  check_settled(host, pinned("0041", 'a'));
  CHECK(status(host)["message"].as_string().empty());
}

TEST_CASE("images lists the tags as they are now, with what runs and what is newer") {
  Host host;
  settle(host);
  push(host, "0042", 'b', Kind::crashes);
  host.run(minutes(10));
  push(host, "0040", 'd');
  const Json body = host.ask("images", {{"app", "blog"}}).body;
  CHECK(body["uses"].as_string() == pinned("0041", 'a'));
  CHECK(body["asked_seconds_ago"].as_int() == 0);
  REQUIRE(body["tags"].items().size() == 3);
  CHECK(body["tags"].items()[0]["tag"].as_string() == "0042");
  CHECK(body["tags"].items()[0]["state"].as_string().starts_with("failed: "));
  CHECK(body["tags"].items()[1].dump() == R"({"tag":"0041","state":"runs"})");
  CHECK(body["tags"].items()[2].dump() == R"({"tag":"0040","state":""})");
}

TEST_CASE("images answers for an app that follows nothing, and for none, and without a registry") {
  Host host;
  push(host, "0041", 'a');
  push(host, "0042", 'b');
  host.world().set_file("blog.yml", "name: blog\nimage: " + name + ":0041\n");
  host.run(minutes(1));
  CHECK(host.world().registry().asked() == 0);
  const Json tags = host.ask("images", {{"app", "blog"}}).body["tags"];
  REQUIRE(tags.items().size() == 2);
  CHECK(tags.items()[0].dump() == R"({"tag":"0042","state":"newer"})");
  host.run(minutes(10));
  CHECK(runs(host) == name + ":0041");
  CHECK_FALSE(status(host).has("update"));
  const Reply none = host.ask("images", {{"app", "shop"}});
  CHECK(none.status == 404);
  CHECK(!none.body["error"].as_string().empty());
  host.world().registry().set_silent(true);
  const std::uint64_t command = host.world().command("images", {{"app", "blog"}});
  host.run(seconds(9));
  const auto silent = host.world().reply(command);
  REQUIRE(silent.has_value());
  CHECK(silent->status == 200);
  CHECK(silent->body["error"].as_string().find("not answered yet") != std::string::npos);
}

TEST_CASE("a daemon that stops answers those who wait for a registry") {
  Host host;
  settle(host);
  host.world().registry().set_silent(true);
  const std::uint64_t command = host.world().command("images", {{"app", "blog"}});
  host.run(seconds(1));
  CHECK_FALSE(host.world().reply(command).has_value());
  host.world().stop();
  host.run(milliseconds(100));
  CHECK(host.world().reply(command).has_value());
}

TEST_CASE("a choice is forgotten with its app, and with the wish to follow") {
  Host host;
  settle(host);
  CHECK(kept(host));
  SUBCASE("the app goes") {
    host.serving.clear();
    host.world().set_files({{"other.yml", "name: other\nimage: app:1\n"}});
    host.run(minutes(2));
    CHECK(runs(host).empty());
  }
  SUBCASE("it follows nothing any more") {
    host.world().set_file("blog.yml", "name: blog\nimage: " + name + ":0041\n");
    host.run(minutes(2));
    check_settled(host, name + ":0041");
  }
  CHECK_FALSE(kept(host));
}

TEST_CASE("a choice that could not be kept is kept as soon as there is room") {
  Host host;
  host.world().faults().disk_full_state = true;
  settle(host);
  CHECK_FALSE(kept(host));
  host.world().faults().disk_full_state = false;
  host.run(seconds(30));
  CHECK(kept(host));
}

TEST_CASE("apply waits for the registry and ends with the newest; a plan asks nobody") {
  HostOptions options;
  SUBCASE("apply") { options.mode = Reconciler::Mode::once; }
  SUBCASE("plan") { options.mode = Reconciler::Mode::plan; }
  const bool once = options.mode == Reconciler::Mode::once;
  Host host(options);
  push(host, "0041", 'a');
  push(host, "0042", 'b');
  host.world().set_file("blog.yml", manifest());
  REQUIRE(host.run_until([&] { return host.loop().finished(); }, minutes(3)));
  CHECK(runs(host) == (once ? pinned("0042", 'b') : ""));
  CHECK((host.world().registry().asked() > 0) == once);
  const std::string plan = host.loop().apps().at("blog").plan.text();
  CHECK((plan.find("pull image " + name + ":0041") != plan.npos) == !once);
}

// From 0041 over the given tag to the end; the writing requests, and what must be in the end.
std::uint64_t play(const std::optional<CrashPlan>& crash, Kind kind) {
  Host host;
  settle(host);
  const std::uint64_t before = host.world().writes();
  if (crash) host.world().plan_crash(CrashPlan{before + crash->write, crash->when});
  push(host, "0042", 'b', kind);
  host.run(minutes(30));
  check_settled(host, kind == Kind::good ? pinned("0042", 'b') : pinned("0041", 'a'));
  const Json update = status(host)["update"];
  CHECK(update["tag"].as_string() == (kind == Kind::good ? "0042" : "0041"));
  CHECK(update.has("failed") == (kind == Kind::crashes));
  CHECK(host.crashes() == (crash ? 1 : 0));
  return host.world().writes() - before;
}

TEST_CASE("a crash of the daemon at any writing request of a rollout changes nothing in the end") {
  for (const Kind kind : {Kind::good, Kind::crashes}) {
    const std::uint64_t writes = play(std::nullopt, kind);
    CHECK(writes > 5);
    for (std::uint64_t write = 0; write < writes; ++write) {
      for (const When when : {When::before_send, When::after_send, When::after_answer}) {
        CAPTURE(write);
        CAPTURE(crash_name(when));
        play(CrashPlan{write, when}, kind);
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::sim
