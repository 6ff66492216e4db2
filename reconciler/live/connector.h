#pragma once

#include "reconciler/live/file_io.h"
#include "reconciler/world.h"

// Asks whether something accepts TCP connections at an address, blocking, from any thread. A
// connection that was made is ended at once, without a byte. Invariant: a call ends by its timeout,
// or at stop(), whatever the other side does.
namespace fairlead::live {

class Connector {
 public:
  Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  Answer call(const ConnectCall& call) const;

  // Ends every call under way; later ones get no answer.
  void stop() const;

 private:
  Answer wait(const UniqueFd& socket, const ConnectCall& call) const;

  const UniqueFd stop_;  // an eventfd: readable after stop()
};

}  // namespace fairlead::live
