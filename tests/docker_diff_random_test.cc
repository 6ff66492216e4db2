// Random wanted and random seen worlds, from seeds: what must hold of every plan.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "providers/docker/diff.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::parse_scene;
using fairlead::testing::Scene;

namespace {

constexpr unsigned seeds = 1000;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  bool one_in(unsigned sides) { return engine_() % sides == 0; }
  std::string of(const std::vector<std::string>& choices) {
    return choices[engine_() % choices.size()];
  }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

struct RandomWorld {
  std::string manifest, before, seen;
  std::string text() const { return manifest + "---\n" + before + "---\n" + seen; }
  Scene scene() const { return parse_scene(manifest, before, seen); }
};

std::string random_manifest(Dice& dice, const std::string& tag, bool storage) {
  std::string text = "name: blog\nimage: acme/blog:" + tag + "\n";
  if (storage) text += "needs: [storage]\n";
  if (!storage && dice.one_in(2)) text += "deploy: {replicas: " + dice.of({"0", "2", "3"}) + "}\n";
  if (dice.one_in(3)) text += "processes: {worker: {command: [w], replicas: 2}}\n";
  if (dice.one_in(8)) text += "suspend: true\n";
  if (dice.one_in(8)) text += "restart: never\n";
  if (dice.one_in(4)) text += "secrets: {KEY: {generate: 32}}\n";
  return text;
}

// Where `may_run` is false another one holds the storage, as the daemon leaves it.
std::string random_container(Dice& dice, const std::string& name, int age, bool may_run) {
  std::string text = "container " + name + " ";
  const bool failed = name.find(".failed") != name.npos;
  if (failed || !may_run) {
    text += dice.of({"exited", "created"}) + " restart=no";
  } else {
    text += dice.of({"running healthy", "running healthy", "running starting", "running unhealthy",
                     "restarting restarts=4", "paused", "exited", "created", "removing", "dead"});
  }
  text += " age=" + std::to_string(age) + "s";
  if (!failed && dice.one_in(8)) text += " named=other" + std::to_string(age);
  if (dice.one_in(10)) text += " detached";
  if (dice.one_in(10)) text += " network=extra";
  if (dice.one_in(10)) text += " network-id=lost";
  if (dice.one_in(12)) text += " uninspected";
  if (may_run && dice.one_in(10)) text += " restart=always";
  return text + "\n";
}

RandomWorld random_world(unsigned seed) {
  Dice dice(seed);
  const bool storage = dice.one_in(2);
  RandomWorld world;
  world.manifest = random_manifest(dice, "2", storage);
  world.before = random_manifest(dice, "1", storage);
  if (dice.one_in(10)) world.manifest.clear();
  if (world.manifest.empty() && dice.one_in(2)) world.seen += "drop-data\n";
  if (!dice.one_in(6)) world.seen += "network blog 10.213.0.0/26\n";
  if (dice.one_in(6)) world.seen += "network blog 10.213.0.64/26 id=n2\n";
  if (dice.one_in(10)) world.seen += "network blog 172.20.0.0/16 id=foreign1 foreign\n";
  if (!dice.one_in(5)) world.seen += "volume blog.data" + dice.of({"", "", "", " foreign"}) + "\n";
  world.seen += "image acme/blog:2 " + dice.of({"present", "missing"}) + "\n";
  if (dice.one_in(8)) world.seen += "waiting for the app search\n";
  if (dice.one_in(8)) world.seen += "secret blog/OLD.00000000\n";
  bool running = false;
  int age = 1;
  std::vector<std::string> names = {"blog.web.OLD", "blog.web.OLD.2", "blog.web.ELSE.failed"};
  if (!world.manifest.empty()) {
    names.insert(names.end(), {"blog.web.NEW", "blog.web.NEW.2", "blog.web.NEW.failed"});
    if (dice.one_in(8)) world.seen += "taken blog.web.NEW a stranger\n";
  }
  for (const std::string& name : names) {
    // Exclusive storage has one replica alone.
    const bool second = name.rfind(".2") == name.size() - 2;
    if (dice.one_in(2) || (storage && second)) continue;
    const bool may_run = !storage || !running;
    running = running || name.find(".failed") == name.npos;
    age = age * 3 + 1;
    world.seen += random_container(dice, name, age, may_run);
  }
  return world;
}

std::string request_text(const Step& step) {
  if (const auto* call = std::get_if<HttpCall>(&step.request)) {
    return call->method + " " + call->path + " " + call->body;
  }
  return "";
}

std::string id_in(const std::string& path) {
  for (const char* kind : {"/containers/", "/networks/"}) {
    const std::size_t at = path.find(kind);
    if (at == path.npos) continue;
    const std::size_t begin = at + std::string(kind).size();
    return path.substr(begin, path.find_first_of("/?", begin) - begin);
  }
  return "";
}

// What may be addressed: ids of what was seen and is ours, the app's network by name, names of
// containers that the plan itself creates, and a foreign network that one of ours is to leave.
std::set<std::string> ours(const Scene& scene, const Plan& plan) {
  std::set<std::string> ids{"blog", "create", "extra"};
  for (const SeenContainer& container : scene.seen.containers) ids.insert(container.id);
  for (const SeenNetwork& network : scene.seen.networks) {
    if (network.ours) ids.insert(network.id);
  }
  for (const Step& step : plan.steps()) {
    const std::string prefix = "container ";
    if (step.verb == "create" && step.resource.rfind(prefix, 0) == 0) {
      ids.insert(step.resource.substr(prefix.size()));
    }
  }
  return ids;
}

// How the containers of the main process stand while a plan is carried out, as the engine has it:
// a container that ended by itself starts again with the engine if its policy says so.
class Holders {
 public:
  explicit Holders(const Scene& scene) {
    for (const SeenContainer& container : scene.seen.containers) {
      if (container.identity.process != "web" || container.going()) continue;
      const bool policy = container.detail && container.detail->restart != "no";
      held_[container.id] = {container.alive(), policy, container.state == "exited"};
    }
  }

  void carry_out(const Step& step) {
    const auto* call = std::get_if<HttpCall>(&step.request);
    if (!call || step.resource.rfind("container blog.worker", 0) == 0) return;
    const std::string id = id_in(call->path);
    if (step.verb == "start") held_[id].alive = true;
    if (step.verb == "stop") held_[id] = {false, held_[id].policy, false};
    if (step.verb == "remove") held_.erase(id);
    if (step.verb == "update" && call->body.find("RestartPolicy") != call->body.npos) {
      held_[id].policy = call->body.find("\"no\"") == call->body.npos;
    }
  }

  std::size_t count() const {
    return static_cast<std::size_t>(
        std::count_if(held_.begin(), held_.end(), [](const auto& entry) {
          return entry.second.alive || (entry.second.policy && entry.second.ended);
        }));
  }

 private:
  struct Held {
    bool alive = false;
    bool policy = false;
    bool ended = false;  // by itself: the engine remembers no stop
  };
  std::map<std::string, Held> held_;
};

// Carries the plan out in a random order that its needs allow; waits are never over. The most
// containers that held the storage at once.
std::size_t most_holders(const Scene& scene, const Plan& plan, Dice& dice) {
  Holders holders(scene);
  std::size_t most = holders.count();
  std::vector<std::size_t> order(plan.steps().size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), dice.engine());
  std::set<std::size_t> done;
  for (bool moved = true; moved;) {
    moved = false;
    for (const std::size_t i : order) {
      const Step& step = plan.steps()[i];
      const bool released = std::all_of(step.needs.begin(), step.needs.end(),
                                        [&](std::size_t need) { return done.count(need) > 0; });
      if (step.waits() || !released || !done.insert(i).second) continue;
      holders.carry_out(step);
      most = std::max(most, holders.count());
      moved = true;
    }
  }
  return most;
}

std::multiset<std::string> lines(const Plan& plan) {
  std::multiset<std::string> all;
  for (const Step& step : plan.steps()) {
    std::string line = step.verb + " " + step.resource + " after";
    std::set<std::string> needs;
    for (const std::size_t need : step.needs) {
      needs.insert(plan.steps()[need].verb + " " + plan.steps()[need].resource);
    }
    for (const std::string& need : needs) line += " " + need + ",";
    all.insert(line + ": " + step.cause);
  }
  return all;
}

}  // namespace

TEST_CASE("no plan touches what is not proven ours") {
  for (unsigned seed = 0; seed < seeds; ++seed) {
    const RandomWorld world = random_world(seed);
    const Scene scene = world.scene();
    const Plan plan = scene.diff().first;
    const std::set<std::string> known = ours(scene, plan);
    for (const Step& step : plan.steps()) {
      const std::string text = request_text(step);
      const auto* call = std::get_if<HttpCall>(&step.request);
      const bool foreign = text.find("foreign1") != text.npos ||
                           (text.find("/networks/extra") != text.npos && step.verb != "disconnect");
      const bool stranger =
          call && !id_in(call->path).empty() && known.count(id_in(call->path)) == 0;
      if (!foreign && !stranger) continue;
      FAIL_CHECK("seed ", seed, ": ", text, "\n", world.text());
    }
  }
}

TEST_CASE("no plan removes a volume but the removal that is told to drop the data") {
  int removed = 0;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    const RandomWorld world = random_world(seed);
    const Scene scene = world.scene();
    const Plan plan = scene.diff().first;
    for (const Step& step : plan.steps()) {
      if (step.verb != "remove" || step.resource.rfind("volume ", 0) != 0) continue;
      ++removed;
      CHECK_MESSAGE((!scene.wanted && scene.drop_data && scene.seen.volumes.at(0).ours), "seed ",
                    seed, "\n", world.text());
    }
  }
  CHECK(removed > 0);
}

TEST_CASE("at most one container that runs or could start holds an exclusive volume") {
  int judged = 0;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    const RandomWorld world = random_world(seed);
    const Scene scene = world.scene();
    const auto* spec = fairlead::testing::spec_of(scene.wanted.get(), "web");
    if (!spec || !spec->stores || spec->once) continue;
    const Plan plan = scene.diff().first;
    Dice dice(seed);
    const std::size_t before = std::max<std::size_t>(1, Holders(scene).count());
    ++judged;
    const std::size_t most = most_holders(scene, plan, dice);
    CHECK_MESSAGE(most <= before, "seed ", seed, "\n", world.text(), scene.with_words(plan.text()));
  }
  CHECK(judged > 100);
}

TEST_CASE("a plan does not depend on the order in which things are listed") {
  for (unsigned seed = 0; seed < seeds; ++seed) {
    const RandomWorld world = random_world(seed);
    Scene scene = world.scene();
    const auto before = lines(scene.diff().first);
    Dice dice(seed);
    std::shuffle(scene.seen.networks.begin(), scene.seen.networks.end(), dice.engine());
    std::shuffle(scene.seen.containers.begin(), scene.seen.containers.end(), dice.engine());
    const Plan after = scene.diff().first;
    CHECK_MESSAGE(before == lines(after), "seed ", seed, "\n", world.text(),
                  scene.with_words(after.text()));
  }
}

TEST_CASE("no step that can be done at once stands twice in a plan") {
  for (unsigned seed = 0; seed < seeds; ++seed) {
    const RandomWorld world = random_world(seed);
    const Plan plan = world.scene().diff().first;
    std::set<std::string> keys;
    std::set<std::size_t> later;  // behind a wait
    for (std::size_t i = 0; i < plan.steps().size(); ++i) {
      const Step& step = plan.steps()[i];
      const bool waits = step.waits() || std::any_of(step.needs.begin(), step.needs.end(),
                                                     [&](auto need) { return later.count(need); });
      if (waits) later.insert(i);
      if (waits) continue;
      CHECK_MESSAGE(keys.insert(step.verb + " " + step.resource + request_text(step)).second,
                    "seed ", seed, "\n", world.text(), plan.text());
    }
  }
}
