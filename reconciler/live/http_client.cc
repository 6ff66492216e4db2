#include "reconciler/live/http_client.h"

#include <algorithm>
#include <csignal>
#include <iterator>

#include "reconciler/json_sieve.h"
#include "reconciler/live/line_splitter.h"
#include "reconciler/live/platform_file.h"
#include "reconciler/live/public_address.h"

namespace fairlead::live {

namespace {

constexpr std::ptrdiff_t kIdleEachMax = 8;
// Longer than a resync is apart, shorter than RabbitMQ's patience with an idle peer (60 s).
constexpr std::chrono::seconds kIdleMax{45};
constexpr std::chrono::hours kStreamSilenceMax{24};  // then it is opened anew

// Collects the answer of one call.
class Collector {
 public:
  Collector(const HttpCall& call, const HttpClient::LineSeen& progressed)
      : call_(call),
        progressed_(progressed),
        sieve_(call.keep),
        // Of a line that is skipped nobody knows whether it told an error.
        lines_([this](const std::string& line) { take(line); }, [this] { too_long_ = true; }) {}

  bool headers(int status) {
    // Only a good answer is a stream of lines; an error comes as one object.
    by_line_ = call_.progress && status == 200;
    sieves_ = !call_.keep.empty() && status == 200;
    return true;
  }

  bool piece(const char* data, std::size_t size) {
    if (by_line_) {
      lines_.feed({data, size});
      too_long_ = too_long_ || body_.size() > call_.body_max;
    } else if (sieves_) {
      sieve_.feed({data, size});
      too_long_ = sieve_.kept().size() > call_.body_max;
    } else {
      too_long_ = body_.size() + size > call_.body_max;
      if (!too_long_) body_.append(data, size);
      enough_ = call_.body_enough > 0 && body_.size() >= call_.body_enough;
    }
    return !too_long_ && !enough_;
  }

  bool too_long() const { return too_long_; }
  bool enough() const { return enough_; }
  std::string body() {
    if (by_line_) lines_.finish();
    return sieves_ ? sieve_.take() : std::move(body_);
  }
  // What made a list so long that there is no answer.
  std::string offender() const {
    const std::string largest = sieve_.largest();
    return largest.empty() ? "" : "; the largest entry that was read: " + largest;
  }

 private:
  void take(const std::string& line) {
    if (line.find("\"error") != std::string::npos) body_ += line + "\n";
    const auto now = std::chrono::steady_clock::now();
    if (!progressed_ || now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    progressed_(line);
  }

  const HttpCall& call_;
  const HttpClient::LineSeen& progressed_;
  JsonSieve sieve_;
  LineSplitter lines_;
  std::string body_;
  bool by_line_ = false;
  bool sieves_ = false;
  bool too_long_ = false;
  bool enough_ = false;  // the rest is not waited for
  SteadyTime last_{};
};

SteadyTime deadline_of(const HttpCall& call) {
  if (call.progress) return SteadyTime::max();  // only silence ends it
  return std::chrono::steady_clock::now() + call.timeout;
}

// Without `progress` the deadline decides alone, so that a timeout has one wording.
std::chrono::milliseconds silence_max(const HttpCall& call) {
  return call.progress ? call.timeout : call.timeout + std::chrono::seconds(1);
}

// Whether its connection may serve another call.
bool keeps(const HttpCall& call) { return call.endpoint == "engine" || call.login; }

Answer make_answer(const HttpCall& call, const Connection& connection,
                   const Connection::Outcome& outcome, Collector& collector) {
  if (outcome.complete || collector.enough()) {
    return Answer{outcome.status, collector.body(), "", outcome.headers};
  }
  if (collector.too_long()) {
    Answer cut = outcome_unknown("the answer is longer than " + std::to_string(call.body_max) +
                                 " bytes" + collector.offender());
    cut.too_long = true;
    return cut;
  }
  if (connection.aborted())
    return outcome_unknown("no whole answer within " + std::to_string(call.timeout.count()) +
                           " ms" + collector.offender());
  return outcome_unknown(outcome.error);
}

}  // namespace

HttpClient::HttpClient(std::shared_ptr<const Platform> platform, bool read_only)
    : read_only_(read_only), platform_(std::move(platform)) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that hangs up is an error of one call
}

HttpClient::~HttpClient() = default;

void HttpClient::configure(std::shared_ptr<const Platform> platform) {
  const std::lock_guard lock(mutex_);
  platform_ = std::move(platform);
  idle_.clear();
}

std::shared_ptr<const Platform> HttpClient::platform() const {
  const std::lock_guard lock(mutex_);
  return platform_;
}

void HttpClient::stop() {
  stopped_ = true;
  deadlines_.expire_all();
}

Answer HttpClient::call(const HttpCall& call, const LineSeen& progressed) {
  if (read_only_ && call.writes())
    return outcome_unknown("refused " + call.method + " " + call.path + ": this world only reads");
  return send(call, progressed);
}

Answer HttpClient::send(const HttpCall& call, const LineSeen& progressed) {
  const Result<HttpCall> prepared = prepare(call);
  if (!prepared) return outcome_unknown(prepared.error().message);
  const Result<Endpoint> place = endpoint_of(call);
  if (!place) return outcome_unknown(place.error().message);
  while (!stopped_) {
    std::unique_ptr<Connection> connection = take(*place, keeps(call));
    const bool reused = connection->used();
    Collector collector(*prepared, progressed);
    Connection::Outcome outcome;
    {
      const Deadlines::Guard guard(deadlines_, *connection, deadline_of(call));
      outcome = connection->exchange(
          *prepared, silence_max(call), [&](int status) { return collector.headers(status); },
          [&](const char* data, std::size_t size) { return collector.piece(data, size); });
    }
    const bool seen_nothing = !outcome.complete && outcome.status == 0 && !connection->aborted();
    if (reused && seen_nothing && !call.writes()) {
      remove_idle(&*place);  // they are of the same age: the peer was restarted
      continue;              // at most once: the next one is new
    }
    Answer answer = make_answer(call, *connection, outcome, collector);
    if (outcome.complete && keeps(call)) give_back(std::move(connection), call);
    return answer;
  }
  return outcome_unknown("fairlead is ending");
}

Result<HttpCall> HttpClient::prepare(const HttpCall& call) const {
  HttpCall prepared = call;
  if (call.login) {
    const Result<std::string> authorization = basic_auth(*call.login);
    if (!authorization) return authorization.error();
    prepared.headers.emplace_back("Authorization", *authorization);
  }
  const Result<void> added = add_registry_login(prepared);
  if (!added) return added.error();
  return prepared;
}

Result<void> HttpClient::add_registry_login(HttpCall& call) const {
  auto& headers = call.headers;
  const auto auth = std::find_if(headers.begin(), headers.end(), [](const auto& header) {
    return header.first == "X-Registry-Auth" && header.second.substr(0, 1) == "@";
  });
  if (auth == headers.end()) return {};
  const std::string registry = auth->second.substr(1);
  const Result<void> allowed = may_pull(*platform(), registry);
  if (!allowed) return allowed.error();
  const Result<std::string> login = registry_auth(*platform(), registry);
  if (!login) return login.error();
  if (login->empty()) {
    headers.erase(auth);
  } else {
    auth->second = *login;
  }
  return {};
}

Result<Endpoint> HttpClient::endpoint_of(const HttpCall& call) const {
  if (call.endpoint == "engine") return engine();
  Result<Endpoint> place = service_endpoint(call.endpoint, call.tls);
  if (place) place->public_only = call.public_only;
  return place;
}

std::unique_ptr<Connection> HttpClient::take(const Endpoint& endpoint, bool keep) {
  if (!keep) return std::make_unique<Connection>(endpoint, false);
  const std::vector<Idle> old = remove_idle(nullptr);
  const std::lock_guard lock(mutex_);
  for (auto idle = idle_.rbegin(); idle != idle_.rend(); ++idle) {
    if (!(idle->connection->endpoint() == endpoint)) continue;
    std::unique_ptr<Connection> connection = std::move(idle->connection);
    idle_.erase(std::next(idle).base());
    return connection;
  }
  return std::make_unique<Connection>(endpoint, true);
}

void HttpClient::give_back(std::unique_ptr<Connection> connection, const HttpCall& call) {
  if (connection->aborted()) return;
  const Result<Endpoint> place = endpoint_of(call);
  if (!place || !(connection->endpoint() == *place)) return;  // another engine by now
  const std::lock_guard lock(mutex_);
  const auto alike = std::count_if(idle_.begin(), idle_.end(), [&](const Idle& idle) {
    return idle.connection->endpoint() == *place;
  });
  if (alike < kIdleEachMax)
    idle_.push_back({std::move(connection), std::chrono::steady_clock::now()});
}

// Those to that endpoint, or, without one, those that have been idle too long. Who drops the result
// closes them, not under the lock.
std::vector<HttpClient::Idle> HttpClient::remove_idle(const Endpoint* endpoint) {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = std::chrono::steady_clock::now();
  const auto removed = std::stable_partition(idle_.begin(), idle_.end(), [&](const Idle& idle) {
    return endpoint != nullptr ? !(idle.connection->endpoint() == *endpoint)
                               : now - idle.since < kIdleMax;
  });
  std::vector<Idle> ended(std::make_move_iterator(removed), std::make_move_iterator(idle_.end()));
  idle_.erase(removed, idle_.end());
  return ended;
}

Result<Endpoint> HttpClient::engine() const { return engine_endpoint(platform()->engine); }

Result<std::unique_ptr<Connection>> HttpClient::connect_engine() const {
  const Result<Endpoint> place = engine();
  if (!place) return place.error();
  return std::make_unique<Connection>(*place, false);
}

std::string HttpClient::stream(Connection& connection, const HttpCall& call,
                               const StreamSeen& seen) {
  if (read_only_ && call.writes()) return "refused: this world only reads";
  LineSplitter lines(seen.line, seen.skipped);
  std::string refusal;
  int status = 0;
  Deadlines::Guard guard(deadlines_, connection, std::chrono::steady_clock::now() + call.timeout);
  const auto outcome = connection.exchange(
      call, kStreamSilenceMax,
      [&](int of_answer) {
        status = of_answer;
        if (status != 200) return true;
        guard.extend(SteadyTime::max());
        seen.opened();
        return true;
      },
      [&](const char* data, std::size_t size) {
        if (status == 200) {
          lines.feed({data, size});
          return true;
        }
        refusal.append(data, std::min(size, std::size_t{1000}));
        return refusal.size() < 10'000;
      });
  if (status == 0 && connection.aborted()) {
    return "the stream did not open within " + std::to_string(call.timeout.count()) + " ms";
  }
  if (status != 0 && status != 200) return "HTTP " + std::to_string(status) + ": " + refusal;
  return outcome.complete ? "the engine ended the stream" : outcome.error;
}

}  // namespace fairlead::live
