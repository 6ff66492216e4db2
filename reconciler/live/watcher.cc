#include "reconciler/live/watcher.h"

#include <algorithm>
#include <utility>
// Asio 1.74 uses std::exchange without including <utility> itself.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "reconciler/check.h"

namespace fairlead::live {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

class Watcher::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, CallPool& pool, Options options, Changed changed, Warn warn)
      : io_(io),
        pool_(pool),
        options_(std::move(options)),
        changed_(std::move(changed)),
        warn_(std::move(warn)),
        reader_(options_.folders, options_.patience),
        descriptor_(io),
        settle_(io),
        poll_(io) {}

  void start() {
    if (options_.watch && watches_.fd() >= 0) {
      descriptor_.assign(watches_.fd());
      await_events();
    }
    read();
  }

  void stop() {
    stopped_ = true;
    settle_.cancel();
    poll_.cancel();
    if (descriptor_.is_open()) descriptor_.release();  // the watches own it
  }

 private:
  void await_events() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](ErrorCode error) {
                             if (error || self->stopped_) return;
                             if (self->watches_.drain()) self->dirty();
                             self->await_events();
                           });
  }

  // Reads once nothing has come for `quiet`, or `settle_max` after the first change.
  void dirty() {
    const auto now = Clock::now();
    if (reading_) {
      dirty_again_ = true;
      return;
    }
    if (!settling_) settle_deadline_ = now + options_.settle_max;
    settling_ = true;
    settle_.expires_at(std::min(now + options_.quiet, settle_deadline_));
    settle_.async_wait([self = shared_from_this()](ErrorCode error) {
      // Where it had expired before it was set anew, both come: the first one reads.
      if (!error && !self->stopped_ && self->settling_) self->read();
    });
  }

  void await_poll() {
    if (!options_.watch) return;
    const bool alone = !watches_.exhausted().empty();
    const auto pause = alone ? options_.poll_alone : options_.poll_beside;
    poll_.expires_at(std::min(Clock::now() + pause, reader_.due()));
    poll_.async_wait([self = shared_from_this()](ErrorCode error) {
      if (!error && !self->stopped_ && !self->reading_ && !self->settling_) self->read();
    });
  }

  void read() {
    FAIRLEAD_CHECK(!reading_);  // the reader is for one reading at a time
    settling_ = false;
    reading_ = true;
    dirty_again_ = false;
    pool_.submit([self = shared_from_this()] {
      auto reading = self->reader_.read(self->options_.watch ? &self->watches_ : nullptr);
      asio::post(self->io_, [self, reading = std::move(reading)]() mutable {
        self->finish(std::move(reading));
      });
    });
  }

  void finish(std::shared_ptr<const FolderReading> reading) {
    reading_ = false;
    if (stopped_) return;
    if (!last_ || !same_reading(*last_, *reading)) {
      last_ = reading;
      changed_(std::move(reading));
    }
    warn_once();
    await_poll();
    if (dirty_again_) dirty();
  }

  void warn_once() {
    for (std::string& warning : reader_.take_warnings()) warn_(std::move(warning));
    const std::string reason = options_.watch ? watches_.exhausted() : "";
    if (reason != warned_ && !reason.empty()) {
      warn_("manifests are only looked at every " +
            std::to_string(options_.poll_alone.count() / 1000) + " s: " + reason);
    }
    warned_ = reason;
  }

  asio::io_context& io_;
  CallPool& pool_;
  const Options options_;
  const Changed changed_;
  const Warn warn_;
  WatchSet watches_;
  FolderReader reader_;  // on the pool, one reading at a time
  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer settle_;
  asio::steady_timer poll_;
  Clock::time_point settle_deadline_{};
  std::shared_ptr<const FolderReading> last_;
  std::string warned_;
  bool settling_ = false;     // the settle timer runs
  bool reading_ = false;      // a reading is under way on the pool
  bool dirty_again_ = false;  // something changed since it began
  bool stopped_ = false;
};

Watcher::Watcher(asio::io_context& io, CallPool& pool, Options options, Changed changed, Warn warn)
    : impl_(std::make_shared<Impl>(io, pool, std::move(options), std::move(changed),
                                   std::move(warn))) {
  impl_->start();
}

Watcher::~Watcher() { impl_->stop(); }

}  // namespace fairlead::live
