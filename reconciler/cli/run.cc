#include "reconciler/cli/drive.h"
#include "reconciler/cli/print.h"
#include "reconciler/cli/verbs.h"

namespace fairlead::cli {

int run(const Common& common) {
  Engine::Setup setup;
  setup.config = common.config;
  setup.control_socket = true;
  setup.watch = true;
  const std::unique_ptr<Engine> engine = Engine::open(setup);
  if (!engine) return 1;
  engine->turn(std::nullopt);
  return 0;
}

int apply(const Common& common, const ApplyOptions& options) {
  Engine::Setup setup;
  setup.config = common.config;
  setup.options.mode = Reconciler::Mode::once;
  setup.options.approve_removals = options.approve;
  const std::unique_ptr<Engine> engine = Engine::open(setup);
  if (!engine) return 1;
  const bool in_time = engine->turn(std::chrono::seconds(options.timeout_seconds));
  const Json status = engine->reconciler().status(engine->now());
  print(common.json ? status.pretty() + "\n" : status_table(status));
  if (!in_time) complain("gave up after " + std::to_string(options.timeout_seconds) + "s");
  return in_time && engine->reconciler().converged() ? 0 : 1;
}

int plan(const Common& common) {
  Engine::Setup setup;
  setup.config = common.config;
  setup.options.mode = Reconciler::Mode::plan;
  setup.read_only = true;
  const std::unique_ptr<Engine> engine = Engine::open(setup);
  if (!engine) return 1;
  engine->turn(std::chrono::seconds(60));
  const Reconciler& seen = engine->reconciler();
  const Json status = seen.status(engine->now());
  if (!status["engine"]["connected"].as_bool()) {
    complain(status["engine"]["error"].as_string());
    return 1;
  }
  bool changes = false;
  Json apps = Json::array();
  for (const auto& [name, state] : seen.apps()) {
    changes = changes || !state.plan.empty();
    apps.push(plan_json(name, state));
  }
  const Json whole = Json::object(
      {{"apps", apps}, {"removals", status["removals"]}, {"manifests", status["manifests"]}});
  print(common.json ? whole.pretty() + "\n" : plan_text(whole));
  const bool broken = !seen.catalog().broken().empty();
  const bool held = !status["removals"]["waiting"].empty();
  return broken || held ? 1 : changes ? 2 : 0;
}

}  // namespace fairlead::cli
