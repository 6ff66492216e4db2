#include "reconciler/live/live_world.h"

#include <atomic>
#include <csignal>
#include <deque>
#include <functional>
#include <map>
#include <system_error>
#include <utility>
// Asio 1.74 uses std::exchange without including <utility> itself.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "reconciler/live/call_pool.h"
#include "reconciler/live/connector.h"
#include "reconciler/live/control_server.h"
#include "reconciler/live/event_stream.h"
#include "reconciler/live/file_store.h"
#include "reconciler/live/http_client.h"
#include "reconciler/live/line_splitter.h"
#include "reconciler/live/log_sink.h"
#include "reconciler/live/platform_file.h"
#include "reconciler/live/process_runner.h"
#include "reconciler/live/sql_client.h"
#include "reconciler/live/watcher.h"

namespace fairlead::live {

namespace asio = boost::asio;

namespace {
// More lines than the loop can have fallen behind with: the stream is closed, and the loop lists
// anew.
constexpr int kHintsMax = 20'000;

FolderReader::Folders watched(const Platform& platform) {
  const Platform::Folders& folders = platform.folders;
  return {folders.manifests, folders.secrets, folders.certificates,
          folders.state + "/acme/certificates"};
}

}  // namespace

class LiveWorld::Impl {
 public:
  explicit Impl(LiveOptions options)
      : options_(std::move(options)),
        platform_(options_.platform),
        log_(options_.log_format.empty() ? platform_->log.format : options_.log_format),
        signals_(io_),
        work_(asio::make_work_guard(io_)),
        files_(platform_->folders, options_.read_only),
        http_(platform_, options_.read_only),
        sql_(options_.read_only),
        processes_(http_, options_.read_only),
        file_jobs_(pool_) {}

  ~Impl() {
    control_.reset();
    watcher_.reset();
    http_.stop();
    sql_.stop();
    connector_.stop();
    processes_.stop();
    streams_.clear();
  }

  Result<void> start() {
    const Result<Endpoint> engine = engine_endpoint(platform_->engine);
    if (!engine) return engine.error();
    if (options_.control_socket) {
      auto control = ControlServer::listen(platform_->socket,
                                           [this](Command command) { post(std::move(command)); });
      if (!control) return control.error();
      control_ = std::move(*control);
    }
    if (options_.signals) {
      for (const int signal : {SIGTERM, SIGINT, SIGHUP}) signals_.add(signal);
      await_signal();
    }
    watch();
    return {};
  }

  Instant now() const {
    return Instant{std::chrono::steady_clock::now().time_since_epoch(),
                   std::chrono::system_clock::now().time_since_epoch()};
  }

  Event wait(Duration deadline) {
    const std::chrono::steady_clock::time_point until{
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(deadline)};
    io_.poll();  // signals and answers come in even where the inbox is never empty
    while (inbox_.empty()) {
      if (io_.run_one_until(until) == 0) return Woken{};
    }
    Event event = std::move(inbox_.front());
    inbox_.pop_front();
    if (std::holds_alternative<Hinted>(event)) --hints_;
    return event;
  }

  void start(RequestId id, HttpCall call, Suspect suspect) {
    work(id, std::move(suspect), [this, id, call = std::move(call)] {
      return http_.call(call, [&](std::string line) { post(Progressed{id, std::move(line)}); });
    });
  }

  void start(RequestId id, SqlCall call, Suspect suspect) {
    work(id, std::move(suspect), [this, call = std::move(call)] { return sql_.call(call); });
  }

  void start(RequestId id, ProcessCall call, Suspect suspect) {
    work(id, std::move(suspect), [this, call = std::move(call)] { return processes_.call(call); });
  }

  void start(RequestId id, ConnectCall call, Suspect suspect) {
    work(id, std::move(suspect), [this, call = std::move(call)] { return connector_.call(call); });
  }

  void start(RequestId id, FileCall call, const Suspect& suspect) {
    // It may take long, and depends on no write of ours.
    if (call.area == FileCall::Area::host) {
      return work(id, suspect, [this, call = std::move(call)] { return files_.call(call); });
    }
    file_jobs_.submit([this, id, call = std::move(call)] {
      post(Answered{id, files_.call(call)});
    });
  }

  void start(RequestId id, Subscribe subscribe, const Suspect&) {
    EventStream::Callbacks callbacks;
    callbacks.opened = [this, id] { post(StreamOpened{id}); };
    callbacks.line = [this, id](std::string line) { hint(id, std::move(line)); };
    callbacks.skipped = [this, id] {
      post(EventsLost{id, "a line longer than " + std::to_string(LineSplitter::line_max) +
                              " bytes was skipped"});
    };
    callbacks.closed = [this, id](std::string why) {
      asio::post(io_, [this, id, why = std::move(why)]() mutable { closed(id, std::move(why)); });
    };
    try {
      streams_[id] =
          std::make_unique<EventStream>(http_, std::move(subscribe.call), std::move(callbacks));
    } catch (const std::system_error& error) {  // no thread left
      inbox_.emplace_back(StreamClosed{id, error.what()});
    }
  }

  void start(RequestId, Unsubscribe unsubscribe, const Suspect&) {
    close(unsubscribe.stream, "unsubscribed");
  }

  void start(RequestId, const Reply& reply, const Suspect&) {
    if (control_) control_->reply(reply);
  }

  void start(RequestId, const LogRecord& record, const Suspect&) { log_.write(record, now().wall); }

 private:
  // On a thread of the pool.
  void work(RequestId id, Suspect suspect, std::function<Answer()> ask) {
    pool_.submit([this, id, suspect = std::move(suspect), ask = std::move(ask)] {
      const Blame blame(suspect);
      post(Answered{id, ask()});
    });
  }

  // From any thread.
  void post(Event event) {
    asio::post(io_,
               [this, event = std::move(event)]() mutable { inbox_.push_back(std::move(event)); });
  }

  // On the stream's thread, which must not wait for the loop.
  void hint(RequestId id, std::string line) {
    if (++hints_ <= kHintsMax) return post(Hinted{id, std::move(line)});
    --hints_;
    asio::post(io_, [this, id] { close(id, "more events than could be read: some are lost"); });
  }

  void close(RequestId id, const char* why) {
    const auto stream = streams_.find(id);
    if (stream != streams_.end()) stream->second->close(why);
  }

  void closed(RequestId id, std::string why) {
    streams_.erase(id);
    inbox_.emplace_back(StreamClosed{id, std::move(why)});
  }

  void warn(const std::string& verb, const std::string& message) {
    LogRecord record;
    record.level = LogRecord::Level::warning;
    record.verb = verb;
    record.cause = message;
    log_.write(record, now().wall);
  }

  void watch() {
    Watcher::Options options;
    options.folders = watched(*platform_);
    options.watch = options_.watch;
    options.poll_beside = options_.poll_beside;
    options.poll_alone = options_.poll_alone;
    watcher_ = std::make_unique<Watcher>(
        io_, pool_, std::move(options),
        [this](std::shared_ptr<const FolderReading> reading) {
          inbox_.emplace_back(ManifestsChanged{std::move(reading)});
        },
        [this](const std::string& message) { warn("watch", message); });
  }

  void await_signal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        reload();
      } else {
        inbox_.emplace_back(Stop{});
      }
      await_signal();
    });
  }

  void reload() {
    ParsedPlatform parsed = load_platform(options_.platform_path);
    const Result<Endpoint> engine = engine_endpoint(parsed.platform.engine);
    if (!engine) parsed.errors.push_back(engine.error());
    for (const Error& error : parsed.errors) {
      warn("reload", error.text() + "; the platform file of before still holds");
    }
    if (!parsed.errors.empty()) return;
    const FolderReader::Folders before = watched(*platform_);
    const std::vector<std::string> ignored = platform_->folders.ignore;
    platform_ = std::make_shared<const Platform>(std::move(parsed.platform));
    http_.configure(platform_);
    // What is ignored is decided as a folder is read.
    if (before != watched(*platform_) || ignored != platform_->folders.ignore) watch();
    inbox_.emplace_back(PlatformChanged{platform_});
  }

  // In the order of construction: what others post to lives longest.
  const LiveOptions options_;
  std::shared_ptr<const Platform> platform_;
  LogSink log_;
  asio::io_context io_;
  asio::signal_set signals_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::deque<Event> inbox_;
  std::atomic<int> hints_{0};  // posted or in the inbox
  const FileStore files_;
  HttpClient http_;
  SqlClient sql_;
  const Connector connector_;
  ProcessRunner processes_;
  SerialJobs file_jobs_;
  CallPool pool_;
  std::map<RequestId, std::unique_ptr<EventStream>> streams_;  // absent: not open
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<ControlServer> control_;
};

LiveWorld::LiveWorld(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LiveWorld::~LiveWorld() = default;

Result<std::unique_ptr<LiveWorld>> LiveWorld::open(LiveOptions options) {
  try {
    auto impl = std::make_unique<Impl>(std::move(options));
    const Result<void> started = impl->start();
    if (!started) return started.error();
    return std::unique_ptr<LiveWorld>(new LiveWorld(std::move(impl)));
  } catch (const std::system_error& error) {
    return Error{Code::unavailable, std::string("cannot start: ") + error.what(), ""};
  }
}

Instant LiveWorld::now() { return impl_->now(); }

void LiveWorld::submit(Request request) {
  std::visit(
      [&](auto& what) { impl_->start(request.id, std::move(what), std::move(request.suspect)); },
      request.what);
}

Event LiveWorld::wait(Duration deadline) { return impl_->wait(deadline); }

}  // namespace fairlead::live
