#include "reconciler/cli/drive.h"

#include <malloc.h>

#include <utility>

#include "providers/docker/docker.h"
#include "providers/mariadb/mariadb.h"
#include "providers/nginx/nginx.h"
#include "providers/rabbitmq/rabbitmq.h"
#include "reconciler/cli/print.h"
#include "reconciler/live/last_words.h"
#include "reconciler/live/platform_file.h"
#include "reconciler/live/read_only_world.h"

namespace fairlead::cli {
namespace {

// What is under way when SIGTERM comes gets this long to be answered; the rest is found by the next
// start.
constexpr std::chrono::milliseconds farewell{1500};

// An answer of this size, or the manifests, leaves much free memory behind.
constexpr std::size_t bytes_large = 256 << 10;

bool is_large(const Event& event) {
  const auto* answered = std::get_if<Answered>(&event);
  return std::holds_alternative<ManifestsChanged>(event) ||
         (answered && answered->answer.body.size() > bytes_large);
}

void complain(const Error& error) { cli::complain(error.text()); }

// The workers of an nginx on the host read passwords and challenges in the edge's folder, and run
// as somebody else. In a container it is mounted, and nobody has to go through the state folder.
Result<void> let_workers_through(const Platform& platform, const live::StateFolder& state) {
  const bool below = platform.folders.edge.starts_with(platform.folders.state + "/");
  if (platform.edge.mode != Platform::Edge::Mode::host || !below) return {};
  return state.let_through();
}

}  // namespace

std::unique_ptr<Engine> Engine::open(const Setup& setup) {
  ParsedPlatform platform = live::load_platform(setup.config);
  if (!platform.errors.empty()) {
    for (const Error& error : platform.errors) complain(error);
    return nullptr;
  }
  auto shared = std::make_shared<const Platform>(std::move(platform.platform));
  using Mode = live::StateFolder::Mode;
  auto state =
      live::StateFolder::open(shared->folders.state, setup.read_only ? Mode::look : Mode::own);
  if (!state) {
    complain(state.error());
    return nullptr;
  }
  if (!setup.read_only) {
    if (auto open = let_workers_through(*shared, *state); !open) {
      complain(open.error());
      return nullptr;
    }
  }
  std::unique_ptr<Engine> engine(new Engine());
  engine->state_ = std::move(*state);
  engine->keys_.emplace(engine->state_->installation(), engine->state_->key());
  live::LiveOptions options;
  options.platform = shared;
  options.platform_path = setup.config;
  options.read_only = setup.read_only;
  options.watch = setup.watch;
  options.control_socket = setup.control_socket;
  auto world = live::LiveWorld::open(options);
  if (!world) {
    complain(world.error());
    return nullptr;
  }
  engine->live_ = std::move(*world);
  engine->world_ = engine->live_.get();
  if (setup.read_only) {
    engine->read_only_ = std::make_unique<live::ReadOnlyWorld>(*engine->live_);
    engine->world_ = engine->read_only_.get();
  }
  Providers providers;
  providers.push_back(mariadb::make_provider(*engine->keys_));
  providers.push_back(rabbitmq::make_provider(*engine->keys_));
  providers.push_back(nginx::make_provider(*engine->keys_));
  providers.push_back(docker::make_provider(*engine->keys_));
  if (!setup.read_only) {
    const std::string folder = shared->folders.state + "/" + deaths_folder;
    if (auto kept = live::keep_last_words(folder); !kept) {
      complain(kept.error());
      return nullptr;
    }
  }
  LoopOptions loop = setup.options;
  loop.choices = engine->state_->choices();
  loop.images = engine->state_->images();
  loop.hosts = engine->state_->hosts();
  loop.names = engine->state_->names();
  loop.schemes = engine->state_->schemes();
  loop.served = engine->state_->served();
  loop.local = engine->state_->local();
  loop.trials = engine->state_->trials();
  loop.deaths = engine->state_->deaths();
  loop.seed = static_cast<std::uint64_t>(engine->world_->now().wall.count());
  engine->reconciler_ =
      std::make_unique<Reconciler>(std::move(providers), shared, engine->state_->last_good(), loop);
  return engine;
}

void Engine::hand_on(std::vector<Request> requests) {
  for (Request& request : requests) world_->submit(std::move(request));
}

bool Engine::turn(std::optional<std::chrono::seconds> limit) {
  const Duration begun = world_->now().steady;
  std::optional<Duration> end;
  bool large = false;
  hand_on(reconciler_->handle(Woken{}, world_->now()));
  while (true) {
    if (reconciler_->stopped()) {
      if (!end) end = world_->now().steady + farewell;
      if (reconciler_->idle() || world_->now().steady >= *end) return true;
    } else if (reconciler_->finished()) {
      return true;
    }
    if (limit && world_->now().steady >= begun + *limit) return false;
    Duration deadline = reconciler_->deadline();
    if (end) deadline = std::min(deadline, *end);
    if (limit) deadline = std::min<Duration>(deadline, begun + *limit);
    // The allocator keeps what lies between the blocks in use; a daemon at rest gives it back.
    if (large && reconciler_->idle()) {
      malloc_trim(0);
      large = false;
    }
    const Event event = world_->wait(deadline);
    large = large || is_large(event);
    hand_on(reconciler_->handle(event, world_->now()));
  }
}

}  // namespace fairlead::cli
