#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "reconciler/keys.h"
#include "reconciler/live/last_words.h"
#include "reconciler/live/live_world.h"
#include "reconciler/live/state_folder.h"
#include "reconciler/reconciler.h"

// What `run`, `apply` and `plan` share: the platform file, the state folder, the world and the
// loop. Lives in main().
namespace fairlead::cli {

class Engine {
 public:
  struct Setup {
    std::string config;
    LoopOptions options;
    bool read_only = false;
    bool control_socket = false;
    bool watch = false;
  };
  // Prints what is wrong and returns nothing where the program cannot start.
  static std::unique_ptr<Engine> open(const Setup& setup);

  // Turns until the Reconciler has finished, SIGTERM came, or `limit` has passed. False for the
  // limit.
  bool turn(std::optional<std::chrono::seconds> limit);

  const Reconciler& reconciler() const { return *reconciler_; }
  Instant now() { return world_->now(); }

 private:
  Engine() = default;
  void hand_on(std::vector<Request> requests);

  live::SpareStack spare_;  // of the thread that turns
  std::optional<live::StateFolder> state_;
  std::optional<Keys> keys_;
  std::unique_ptr<World> live_;
  std::unique_ptr<World> read_only_;
  World* world_ = nullptr;
  std::unique_ptr<Reconciler> reconciler_;
};

}  // namespace fairlead::cli
