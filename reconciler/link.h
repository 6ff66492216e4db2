#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "providers/provider.h"
#include "reconciler/backoff.h"
#include "reconciler/world.h"

// The connection to one provider's system: handshake, event stream first (where there is one), then
// a full list; the same again whenever the stream ends or the system is lost, with back-off and
// never more than one try a second; a full list every resync interval, and when events were lost.
// Nothing is tried before it
// is known where the system is. Owned by the Reconciler. Does no I/O: it gives requests out and
// takes events in. Answers bring the generation() under which they were asked for; those of an
// earlier connection are dropped.
namespace fairlead {

class Link {
 public:
  struct Timing {
    Duration resync{std::chrono::seconds(30)};
    bool stream =
        true;  // false for a single convergence or a plan: no events are needed, only lists
  };
  Link(const Provider& provider, Timing timing, std::uint64_t seed);

  // Where its system is from now on; nothing: nowhere, and `why` says what it waits for. Another
  // place is another connection.
  void set_place(std::optional<Place> place, const std::string& why, Instant now);
  const std::optional<Place>& place() const { return place_; }

  const Provider& provider() const { return provider_; }
  bool up() const { return phase_ == Phase::up; }
  const std::optional<Session>& session() const { return session_; }
  const Section* shared() const { return shared_.get(); }
  const std::string& error() const { return error_; }
  int tries() const { return tries_; }  // that failed since it was last up
  int reconnects() const { return reconnects_; }
  int events_lost() const { return events_lost_; }  // how often take_events_lost() came
  std::uint64_t generation() const { return generation_; }

  // What is to be sent now. Calls of a listing are numbered from 0.
  struct Wants {
    std::optional<Call> handshake;
    std::optional<HttpCall> subscribe;
    std::vector<Call> listing;
    bool unsubscribe = false;
  };
  Wants wake(const Platform& platform, Instant now);
  Duration due() const;

  void take_handshake(std::uint64_t generation, const Answer& answer, const Platform& platform,
                      Instant now);
  void take_stream_opened();
  void take_stream_closed(const std::string& error, Instant now);
  // Something may have happened unseen while the stream went on: list again, at most once a second.
  void take_events_lost(Instant now);
  // A complete observation once the last answer of a listing is in.
  std::optional<Observer::Observed> take_listing(std::uint64_t generation, std::size_t index,
                                                 const Answer& answer, Instant now);
  // Somebody who asked it otherwise got no sense out of it.
  void lost(const std::string& error, Instant now);
  // What apps add to what the provider keeps for all of them; absent: that is not known yet.
  const Shares& shares() const { return shares_; }
  void keep_share(const std::string& app, SharePtr share) {
    shares_.edit().insert_or_assign(app, std::move(share));
  }
  void forget_share(const std::string& app) { shares_.edit().erase(app); }
  void forget_shares() { shares_ = Shares(); }
  // Whether the listing just taken was the first since the connection was made: until then anything
  // may have happened unseen.
  bool first_listing() const { return first_listing_; }
  // The list is stale: list again soon.
  void relist() { relist_ = true; }
  void set_resync(Duration resync) { timing_.resync = resync; }

 private:
  enum class Phase { down, shaking, subscribing, listing, up };
  void fail(const std::string& error, Instant now);
  void begin_listing(Wants& wants, Instant now);

  const Provider& provider_;
  Timing timing_;
  Jitter jitter_;
  Phase phase_ = Phase::down;
  std::optional<Place> place_;
  std::uint64_t generation_ = 1;
  std::vector<Answer> handshake_;
  std::optional<Session> session_;
  SectionPtr shared_;
  Shares shares_;
  std::unique_ptr<Observer> lister_;
  std::size_t outstanding_ = 0;
  std::string listing_error_;
  std::string error_ = "not connected yet";
  bool relist_ = false;
  bool streaming_ = false;
  bool first_listing_ = false;
  bool asked_ = false;  // the request of this phase is out
  int tries_ = 0;
  int reconnects_ = 0;
  int events_lost_ = 0;
  Duration next_try_{0};
  Duration listed_{0};  // when the last listing began
  Duration next_list_{0};
};

}  // namespace fairlead
