#include "reconciler/link.h"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

constexpr std::chrono::seconds tries_apart{1};
constexpr std::chrono::seconds tries_apart_max{30};
constexpr Duration no_time = Duration::max();

}  // namespace

Link::Link(const Provider& provider, Timing timing, std::uint64_t seed)
    : provider_(provider), timing_(timing), jitter_(seed) {}

void Link::set_place(std::optional<Place> place, const std::string& why, Instant now) {
  if (!place) error_ = why;
  if (place == place_) return;
  place_ = std::move(place);
  if (phase_ == Phase::up || phase_ == Phase::listing) ++reconnects_;
  phase_ = Phase::down;
  ++generation_;
  lister_.reset();
  tries_ = 0;
  next_try_ = now.steady;
  if (place_) error_ = "not connected yet";
}

Link::Wants Link::wake(const Platform& platform, Instant now) {
  Wants wants;
  if (!place_) {
    wants.unsubscribe = std::exchange(streaming_, false);
    return wants;
  }
  if (phase_ == Phase::down && now.steady >= next_try_) {
    wants.unsubscribe = std::exchange(streaming_, false);
    phase_ = Phase::shaking;
    handshake_.clear();
    asked_ = false;
  }
  if (phase_ == Phase::shaking && !asked_) {
    wants.handshake = provider_.handshake(*place_, platform, handshake_);
    asked_ = wants.handshake.has_value();
  }
  if (phase_ == Phase::subscribing && !asked_) {
    wants.subscribe = provider_.subscription(*session_);
    asked_ = true;
  }
  const bool due = phase_ == Phase::up && (relist_ || now.steady >= next_list_);
  if ((phase_ == Phase::listing && !lister_) || (due && !lister_)) begin_listing(wants, now);
  return wants;
}

Duration Link::due() const {
  if (!place_) return no_time;
  if (phase_ == Phase::down) return next_try_;
  if (phase_ == Phase::up && !lister_) return relist_ ? Duration(0) : next_list_;
  return no_time;
}

void Link::begin_listing(Wants& wants, Instant now) {
  relist_ = false;
  listing_error_.clear();
  Scope scope;
  scope.now = now;
  lister_ = provider_.observe(*session_, scope);
  wants.listing = lister_->next();
  outstanding_ = wants.listing.size();
  listed_ = now.steady;
  next_list_ = now.steady + jitter_.around(timing_.resync);
}

void Link::fail(const std::string& error, Instant now) {
  error_ = error;
  ++generation_;
  if (phase_ == Phase::up || phase_ == Phase::listing) ++reconnects_;
  phase_ = Phase::down;
  lister_.reset();
  ++tries_;
  // Between one second and 30, growing; a jitter so that many daemons do not come at once.
  const Duration wait =
      std::min<Duration>(tries_apart * (1 << std::min(tries_ - 1, 5)), tries_apart_max);
  next_try_ = now.steady + std::max<Duration>(tries_apart, jitter_.around(wait));
}

void Link::lost(const std::string& error, Instant now) {
  if (phase_ == Phase::up) fail(error, now);
}

void Link::take_handshake(std::uint64_t generation, const Answer& answer, const Platform& platform,
                          Instant now) {
  if (phase_ != Phase::shaking || generation != generation_) return;
  handshake_.push_back(answer);
  asked_ = false;
  if (provider_.handshake(*place_, platform, handshake_)) return;
  Result<Session> session = provider_.negotiate(*place_, platform, handshake_);
  if (!session) return fail(session.error().message, now);
  session_ = std::move(*session);
  const bool streams = timing_.stream && provider_.subscription(*session_).has_value();
  phase_ = streams ? Phase::subscribing : Phase::listing;
}

void Link::take_stream_opened() {
  if (phase_ != Phase::subscribing) return;
  streaming_ = true;
  phase_ = Phase::listing;
}

void Link::take_stream_closed(const std::string& error, Instant now) {
  streaming_ = false;
  if (phase_ == Phase::down || phase_ == Phase::shaking) return;
  fail(error.empty() ? "the engine closed the event stream" : error, now);
}

void Link::take_events_lost(Instant now) {
  ++events_lost_;
  // A container that comes and goes all the time must not have all listed all the time.
  next_list_ = std::min(next_list_, std::max<Duration>(now.steady, listed_ + tries_apart));
}

std::optional<Observer::Observed> Link::take_listing(std::uint64_t generation, std::size_t index,
                                                     const Answer& answer, Instant now) {
  if (!lister_ || generation != generation_) return std::nullopt;
  if (Result<void> taken = lister_->take(index, answer); !taken)
    listing_error_ = taken.error().message;
  if (--outstanding_ > 0) return std::nullopt;
  if (!listing_error_.empty()) {
    fail(listing_error_, now);
    return std::nullopt;
  }
  Observer::Observed observed = lister_->finish();
  lister_.reset();
  shared_ = observed.shared;
  first_listing_ = phase_ == Phase::listing;
  phase_ = Phase::up;
  tries_ = 0;
  error_.clear();
  return observed;
}

}  // namespace fairlead
