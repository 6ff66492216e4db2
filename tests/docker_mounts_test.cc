#include <doctest/doctest.h>

#include <algorithm>

#include "providers/docker/docker.h"
#include "providers/docker/mounts.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using namespace fairlead::testing;

// What an attacker found (class 5): the path was compared as text, and never looked at.

namespace {

// The app blog, which mounts /srv/t.
struct Bench {
  explicit Bench(const std::string& more = "") {
    const std::string plain = "name: blog\nimage: acme/blog:1\n";
    scene = parse_scene(plain, "", "network blog 10.213.0.0/26\nimage acme/blog:1 present\n");
    scene.platform.mount_roots = {"/srv"};
    const ParsedManifest parsed =
        parse_manifest("blog.yml", plain + "mounts: [{host: /srv/t, path: /t}]\n" + more);
    const auto graph = graph_beside({}, *parsed.apps.at(0).app, scene.platform, {});
    REQUIRE(graph.ok());
    scene.wanted = *graph;
  }

  // A container of what is wanted, made when `identity` lay at the path.
  SeenContainer& container(const std::string& state, const std::string& identity = "1:7") {
    const ContainerSpec& spec = *spec_of(scene.wanted.get(), "web");
    SeenContainer made;
    made.id = std::string(64, 'c');
    made.identity = {"container", "blog", "web", spec.fingerprint, 1};
    made.name = made.canonical_name();
    made.state = state;
    if (!identity.empty()) made.mounts = Json::object({{"/srv/t", identity}}).canonical();
    std::map<std::string, Endpoint> networks;
    networks["blog"] = {scene.seen.networks.at(0).id, "10.213.0.2"};
    made.networks = networks;
    made.detail = Detail();
    made.detail->restart = spec.restart;
    made.detail->limits = spec.limits;
    made.detail->binds = {"/srv/t"};
    scene.seen.containers = {made};
    return scene.seen.containers.front();
  }

  // The first step of this verb; null: none.
  const Step* step(const std::string& verb) {
    plan = scene.diff().first;
    for (const Step& step : plan.steps()) {
      if (step.verb == verb) return &step;
    }
    return nullptr;
  }
  // That nothing is done with this verb before the path was looked at.
  bool looks_before(const std::string& verb) {
    const Step* acts = step(verb);
    return acts && std::any_of(acts->needs.begin(), acts->needs.end(),
                               [&](std::size_t need) { return plan.steps()[need].verb == "look"; });
  }
  std::string identity_demanded() {
    const Step* look = step("look");
    return look ? std::get<FileCall>(look->request).identity : "no look";
  }

  Scene scene;
  Plan plan;
};

}  // namespace

TEST_CASE("what is mounted is looked at before the create, and again before the start (class 5)") {
  Bench bench;
  CHECK(bench.step("create") == nullptr);
  CHECK(bench.scene.report_text().find("cannot mount /srv/t: not looked at yet") !=
        std::string::npos);
  bench.scene.seen.mounts["/srv/t"] = {"1:7", ""};
  REQUIRE(bench.step("create"));
  const auto& create = std::get<HttpCall>(bench.step("create")->request);
  CHECK((*Json::parse(create.body))["Labels"]["fairlead.mounts"].as_string() ==
        R"({"/srv/t":"1:7"})");
  CHECK(bench.looks_before("start"));
  CHECK(bench.identity_demanded() == "1:7");
  CHECK(bench.step("look")->needs.size() == 1);
}

TEST_CASE("what must not be mounted is not made, and the report says why (class 5)") {
  Bench bench;
  bench.scene.seen.mounts["/srv/t"] = {"", "/srv/t is a link"};
  CHECK(bench.step("create") == nullptr);
  CHECK(bench.scene.report_text().find("web cannot mount /srv/t: /srv/t is a link") !=
        std::string::npos);
  CHECK(bench.scene.diff().second.look_again);
}

TEST_CASE("a container that was never started goes where something else lies there (class 5)") {
  Bench bench;
  bench.container("created");
  bench.scene.seen.mounts["/srv/t"] = {"1:7", ""};
  CHECK(bench.looks_before("start"));
  CHECK(bench.identity_demanded() == "1:7");
  bench.scene.seen.mounts["/srv/t"] = {"1:8", ""};
  CHECK(bench.step("start") == nullptr);
  CHECK(bench.step("remove")->cause ==
        "it was made to mount /srv/t, and something else lies there now");
  bench.scene.seen.mounts["/srv/t"] = {"", "/srv/t is a link"};
  CHECK(bench.step("start") == nullptr);
  CHECK(bench.step("remove")->cause == "it was made to mount /srv/t, and /srv/t is a link");
  // Of an earlier version of fairlead: only what lies there now is known.
  bench.container("created", "");
  bench.scene.seen.mounts["/srv/t"] = {"1:8", ""};
  CHECK(bench.looks_before("start"));
  CHECK(bench.identity_demanded() == "");
}

TEST_CASE("what ran before is looked at when it is started again, or restarted (class 5)") {
  Bench bench("health: {command: [check]}\n");
  bench.container("exited");
  CHECK(bench.looks_before("start"));
  // A folder that was made anew since is no reason to keep it down.
  CHECK(bench.identity_demanded() == "");
  SeenContainer& ill = bench.container("running");
  ill.health = ill.detail->health = "unhealthy";
  CHECK(bench.looks_before("restart"));
}

TEST_CASE("secrets and the edge's own folder are not looked at, as no container writes there") {
  Bench bench;
  SeenContainer& container = bench.container("exited");
  container.detail->binds.push_back("/run/fairlead/secrets/blog/KEY.1f2e3d4c");
  CHECK(said_mounts(container, bench.scene.platform) == std::vector<std::string>{"/srv/t"});
  container.detail->binds = {"/run/fairlead/secrets/shop/KEY.1f2e3d4c"};
  CHECK(said_mounts(container, bench.scene.platform).size() == 1);
}

TEST_CASE("the policy lets through only looks from a root, with all that is kept out (class 5)") {
  Platform platform;
  platform.mount_roots = {"/srv"};
  const auto provider = make_provider(test_keys());
  const auto allowed = [&](const FileCall& call) {
    return provider->policy(call, platform, nullptr).ok();
  };
  const FileCall right = look_call(platform, "/srv/t", "");
  CHECK(right.root == "/srv");
  CHECK(std::count(right.keeps_out.begin(), right.keeps_out.end(), "/var/lib/fairlead") == 1);
  CHECK(allowed(right));
  FileCall other = right;
  other.root = "/";
  CHECK_FALSE(allowed(other));
  other = right;
  other.keeps_out.clear();
  CHECK_FALSE(allowed(other));
  other = right;
  other.act = FileCall::Act::write;
  CHECK_FALSE(allowed(other));
  CHECK_FALSE(allowed(look_call(platform, "/etc", "")));
  CHECK_FALSE(allowed(look_call(platform, "/home", "")));
}

TEST_CASE("an answer that is none decides nothing, and any other that is not good is a reason") {
  CHECK_FALSE(decode_look("/srv/t", {0, "", "lost"}).ok());
  CHECK(decode_look("/srv/t", {200, "1:7", ""})->identity == "1:7");
  CHECK(decode_look("/srv/t", {403, "", "a link"})->trouble == "a link");
  CHECK(decode_look("/srv/t", {404, "", "none"})->identity == "");
}
