#include "reconciler/live/deadlines.h"

#include <algorithm>

#include "reconciler/check.h"

namespace fairlead::live {

Deadlines::Guard::Guard(Deadlines& deadlines, Connection& connection, SteadyTime deadline)
    : deadlines_(deadlines), connection_(connection) {
  deadlines_.set(connection, deadline);
}

Deadlines::Guard::~Guard() {
  const std::lock_guard lock(deadlines_.mutex_);
  deadlines_.deadlines_.erase(&connection_);
}

void Deadlines::Guard::extend(SteadyTime deadline) {
  // Not where it is expired already: that would take a cancellation back.
  if (!connection_.aborted()) deadlines_.set(connection_, deadline);
}

Deadlines::Deadlines() : thread_([this] { run(); }) {}

Deadlines::~Deadlines() {
  {
    const std::lock_guard lock(mutex_);
    FAIRLEAD_CHECK(deadlines_.empty());
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void Deadlines::set(Connection& connection, SteadyTime deadline) {
  const std::lock_guard lock(mutex_);
  if (all_expired_) deadline = SteadyTime::min();
  deadlines_[&connection] = deadline;
  // Mostly the thread wakes up before this deadline anyway, so that a call costs no notification.
  if (deadline < next_wake_) wake_.notify_one();
}

void Deadlines::expire(Connection& connection) {
  const std::lock_guard lock(mutex_);
  const auto found = deadlines_.find(&connection);
  if (found == deadlines_.end()) return;
  found->second = SteadyTime::max();
  connection.abort();
}

void Deadlines::expire_all() {
  const std::lock_guard lock(mutex_);
  all_expired_ = true;
  for (auto& [connection, deadline] : deadlines_) deadline = SteadyTime::min();
  wake_.notify_one();
}

SteadyTime Deadlines::abort_due(SteadyTime now) {
  SteadyTime next = SteadyTime::max();
  for (auto& [connection, deadline] : deadlines_) {
    if (deadline <= now) {
      connection->abort();
      deadline = SteadyTime::max();
    }
    next = std::min(next, deadline);
  }
  return next;
}

void Deadlines::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    next_wake_ = abort_due(std::chrono::steady_clock::now());
    if (next_wake_ == SteadyTime::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next_wake_);
    }
  }
}

}  // namespace fairlead::live
