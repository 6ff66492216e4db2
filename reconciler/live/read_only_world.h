#pragma once

#include "reconciler/world.h"

// A World that only reads, for `plan`: it hands reading requests on to another and holds a writing
// one for a broken invariant. Not the only line: the live world below it is opened with `read_only`
// and has no way to send one.
namespace fairlead::live {

class ReadOnlyWorld final : public World {
 public:
  explicit ReadOnlyWorld(World& world) : world_(world) {}  // which must live longer

  Instant now() override { return world_.now(); }
  void submit(Request request) override;
  Event wait(Duration deadline) override { return world_.wait(deadline); }

 private:
  World& world_;
};

}  // namespace fairlead::live
