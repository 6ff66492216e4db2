#include "reconciler/live/sql_client.h"

#include <mysql.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <utility>

#include "reconciler/check.h"
#include "reconciler/live/platform_file.h"

namespace fairlead::live {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kConnectMax{5000};
constexpr std::chrono::seconds kSqlIdleMax{60};
constexpr std::ptrdiff_t kSqlIdleEachMax = 4;
constexpr int kKilled = 1927;  // the server ended this connection before it read the statement

void init_library() {
  static const int failed = mysql_library_init(0, nullptr, nullptr);
  FAIRLEAD_CHECK(failed == 0);
}

Result<SqlPlace> place_of(const SqlCall& call) {
  SqlPlace place;
  const Result<Endpoint> server = service_endpoint(call.endpoint);
  if (!server) return server.error();
  Result<Secret> password = password_of(call.login);
  if (!password) return password.error();
  return SqlPlace{*server, call.login.user, std::move(*password), call.tls};
}

std::string within(std::chrono::milliseconds limit) {
  return " within " + std::to_string(limit.count()) + " ms";
}

}  // namespace

SqlClient::SqlClient(bool read_only) : read_only_(read_only), stop_(::eventfd(0, EFD_CLOEXEC)) {
  FAIRLEAD_CHECK(stop_.ok());
  std::signal(SIGPIPE, SIG_IGN);  // a peer that hangs up is an error of one call
  init_library();
}

SqlClient::~SqlClient() = default;

void SqlClient::stop() { FAIRLEAD_CHECK(::eventfd_write(stop_.get(), 1) == 0); }

bool SqlClient::stopped() const {
  pollfd stop{stop_.get(), POLLIN, 0};
  return ::poll(&stop, 1, 0) > 0;
}

Answer SqlClient::call(const SqlCall& call) {
  if (read_only_ && call.writes())
    return Answer{0, "", "refused a writing statement: this world only reads"};
  const Result<SqlPlace> place = place_of(call);
  if (!place) return Answer{0, "", place.error().message};
  return this->call(call, *place);
}

Answer SqlClient::call(const SqlCall& call, const SqlPlace& place) {
  const SteadyTime start = Clock::now();
  const SqlConnection::Limit limit{start + call.timeout, stop_.get()};
  for (;;) {
    std::unique_ptr<SqlConnection> connection = take(place);
    const bool reused = connection != nullptr;
    std::optional<SqlConnection::Failure> failure;
    if (!reused) {
      connection = std::make_unique<SqlConnection>(place);
      failure = connection->connect({start + std::min(call.timeout, kConnectMax), limit.stop});
    }
    Answer answer{200, "", ""};
    if (!failure) failure = connection->run(call.statement, limit, answer.body);
    const bool lost = failure && (failure->number == 0 || failure->number == kKilled);
    if (reused && lost && !connection->expired() && !call.writes()) {
      remove_idle(&place);  // they are of the same age: the server was restarted
      continue;             // at most once: the next one is new
    }
    if (failure && failure->number == 0) return no_answer(call, *connection, failure->text);
    if (failure) answer = Answer{failure->number, failure->text, failure->text};
    give_back(std::move(connection));
    return answer;
  }
}

Answer SqlClient::no_answer(const SqlCall& call, const SqlConnection& connection,
                            std::string text) const {
  if (stopped()) {
    text = "fairlead is ending";
  } else if (connection.expired() && connection.connected()) {
    text = "no whole answer" + within(call.timeout);
  } else if (connection.expired()) {
    text = "no connection to " + connection.place().text() +
           within(std::min(call.timeout, kConnectMax));
  }
  return Answer{0, "", std::move(text)};
}

std::unique_ptr<SqlConnection> SqlClient::take(const SqlPlace& place) {
  const std::vector<Idle> old = remove_idle(nullptr);
  const std::lock_guard lock(mutex_);
  for (auto idle = idle_.rbegin(); idle != idle_.rend(); ++idle) {
    if (!(idle->connection->place() == place)) continue;
    std::unique_ptr<SqlConnection> connection = std::move(idle->connection);
    idle_.erase(std::next(idle).base());
    return connection;
  }
  return nullptr;
}

void SqlClient::give_back(std::unique_ptr<SqlConnection> connection) {
  if (!connection->usable()) return;
  const std::lock_guard lock(mutex_);
  const auto alike = std::count_if(idle_.begin(), idle_.end(), [&](const Idle& idle) {
    return idle.connection->place() == connection->place();
  });
  if (alike < kSqlIdleEachMax) idle_.push_back({std::move(connection), Clock::now()});
}

// Those to that place, or, without one, those that have been idle too long or were closed by their
// server. Who drops the result closes them, not under the lock.
std::vector<SqlClient::Idle> SqlClient::remove_idle(const SqlPlace* place) {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = Clock::now();
  const auto removed = std::stable_partition(idle_.begin(), idle_.end(), [&](const Idle& idle) {
    if (place != nullptr) return !(idle.connection->place() == *place);
    return now - idle.since < kSqlIdleMax && idle.connection->usable();
  });
  std::vector<Idle> ended(std::make_move_iterator(removed), std::make_move_iterator(idle_.end()));
  idle_.erase(removed, idle_.end());
  return ended;
}

}  // namespace fairlead::live
