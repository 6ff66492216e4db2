#include "reconciler/live/sql_connection.h"

#include <mysql.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "reconciler/check.h"
#include "reconciler/json.h"

namespace fairlead::live {

namespace {

constexpr std::size_t kRowsMax = 64u << 20;
// The calls run on a stack of their own; the library's 60 KiB are little for OpenSSL and resolvers.
constexpr std::size_t kStackBytes = 256u << 10;

// A statement that waits for a lock would outlive its call on the server, by a day.
constexpr const char* kSession =
    "SET SESSION sql_mode='STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,"
    "NO_ENGINE_SUBSTITUTION', autocommit=1, lock_wait_timeout=4, innodb_lock_wait_timeout=4";

bool is_of_server(unsigned number) {
  const bool of_client = (number >= 2000 && number <= 2999) || (number >= 5000 && number <= 5999);
  return number >= 1000 && !of_client;
}

short poll_events(int waiting) {
  int events = 0;
  if ((waiting & MYSQL_WAIT_READ) != 0) events |= POLLIN;
  if ((waiting & MYSQL_WAIT_WRITE) != 0) events |= POLLOUT;
  if ((waiting & MYSQL_WAIT_EXCEPT) != 0) events |= POLLPRI;
  return static_cast<short>(events);
}

int mysql_events(int waiting, short seen) {
  // The call that waits finds out itself what is wrong.
  if ((seen & (POLLERR | POLLHUP | POLLNVAL)) != 0) return waiting & ~MYSQL_WAIT_TIMEOUT;
  int events = 0;
  if ((seen & POLLIN) != 0) events |= MYSQL_WAIT_READ;
  if ((seen & POLLOUT) != 0) events |= MYSQL_WAIT_WRITE;
  if ((seen & POLLPRI) != 0) events |= MYSQL_WAIT_EXCEPT;
  return events;
}

Json row_of(MYSQL_RES* result, MYSQL_ROW row, std::size_t& bytes) {
  const unsigned long* lengths = mysql_fetch_lengths(result);
  Json values = Json::array();
  for (unsigned i = 0; i < mysql_num_fields(result); ++i) {
    bytes += sizeof(Json) + lengths[i];
    values.push(row[i] == nullptr ? Json() : Json(std::string_view(row[i], lengths[i])));
  }
  return values;
}

}  // namespace

bool SqlPlace::operator==(const SqlPlace& other) const {
  return server == other.server && user == other.user && password == other.password &&
         tls.has_value() == other.tls.has_value() && (!tls || tls->ca_file == other.tls->ca_file);
}

std::string SqlPlace::text() const { return server.host + ":" + std::to_string(server.port); }

SqlConnection::SqlConnection(SqlPlace place)
    : place_(std::move(place)), mysql_(mysql_init(nullptr)) {
  FAIRLEAD_CHECK(mysql_ != nullptr);
  configure();
}

SqlConnection::~SqlConnection() {
  // With an answer half read the library would read on; and nobody waits for this farewell.
  if (!in_order_) ::shutdown(mysql_get_socket(mysql_.get()), SHUT_RDWR);
}

void SqlConnection::Close::operator()(st_mysql* mysql) const { mysql_close(mysql); }

void SqlConnection::configure() {
  MYSQL* mysql = mysql_.get();
  const my_bool on = 1;
  const unsigned off = 0;
  const unsigned protocol = MYSQL_PROTOCOL_TCP;  // "localhost" would mean a Unix socket
  const std::size_t answer_max = kRowsMax;
  const std::size_t stack_bytes = kStackBytes;
  mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, &stack_bytes);
  mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
  mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &answer_max);
  mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_optionsv(mysql, MYSQL_INIT_COMMAND, kSession);
  // Not the one that sends the password as it is to whoever asks for it.
  mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH,
                 "mysql_native_password,client_ed25519,caching_sha2_password");
  if (!place_.tls) return;
  mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &on);
  mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
  mysql_optionsv(mysql, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
  if (!place_.tls->ca_file.empty())
    mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, place_.tls->ca_file.c_str());
}

template <typename GoOn>
void SqlConnection::finish(int waiting, const GoOn& go_on, const Limit& limit) {
  while (waiting != 0) waiting = go_on(wait(waiting, limit));
}

int SqlConnection::wait(int waiting, const Limit& limit) {
  pollfd fds[2] = {{mysql_get_socket(mysql_.get()), poll_events(waiting), 0},
                   {limit.stop, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        limit.deadline - std::chrono::steady_clock::now());
    if (expired_ || left.count() <= 0) return expire(waiting);
    constexpr std::int64_t longest = 60'000;
    ::poll(fds, 2, static_cast<int>(std::min<std::int64_t>(left.count(), longest)));
    if (fds[1].revents != 0) return expire(waiting);
    if (fds[0].revents != 0) return mysql_events(waiting, fds[0].revents);
  }
}

// The call is not left half done, which would leak what it holds: it is made to fail.
int SqlConnection::expire(int waiting) {
  expired_ = true;
  ::shutdown(mysql_get_socket(mysql_.get()), SHUT_RDWR);
  return waiting | MYSQL_WAIT_TIMEOUT;
}

SqlConnection::Failure SqlConnection::failure(const std::string& attempt) const {
  const unsigned number = mysql_errno(mysql_.get());
  const std::string text = mysql_error(mysql_.get());
  if (is_of_server(number)) return {static_cast<int>(number), text};
  return {0, attempt + " " + place_.text() + ": " + text};
}

std::optional<SqlConnection::Failure> SqlConnection::connect(const Limit& limit) {
  MYSQL* connected = nullptr;
  const auto start =
      mysql_real_connect_start(&connected, mysql_.get(), place_.server.host.c_str(),
                               place_.user.c_str(), place_.password.reveal().c_str(), nullptr,
                               static_cast<unsigned>(place_.server.port), nullptr, 0);
  finish(
      start, [&](int ready) { return mysql_real_connect_cont(&connected, mysql_.get(), ready); },
      limit);
  connected_ = in_order_ = connected != nullptr;
  if (in_order_) return std::nullopt;
  return failure(place_.tls ? "no connection with TLS to" : "no connection to");
}

std::optional<SqlConnection::Failure> SqlConnection::run(const std::string& statement,
                                                         const Limit& limit, std::string& rows) {
  in_order_ = false;
  int failed = 0;
  const int start = mysql_real_query_start(&failed, mysql_.get(), statement.data(),
                                           static_cast<unsigned long>(statement.size()));
  finish(
      start, [&](int ready) { return mysql_real_query_cont(&failed, mysql_.get(), ready); }, limit);
  if (failed == 0) return read_rows(limit, rows);
  const Failure answered = failure("no answer of");
  in_order_ = answered.number != 0;
  return answered;
}

std::optional<SqlConnection::Failure> SqlConnection::read_rows(const Limit& limit,
                                                               std::string& rows) {
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(
      mysql_use_result(mysql_.get()), &mysql_free_result);
  Json all = Json::array();
  std::size_t bytes = 0;
  for (MYSQL_ROW row = nullptr; result != nullptr;) {
    finish(
        mysql_fetch_row_start(&row, result.get()),
        [&](int ready) { return mysql_fetch_row_cont(&row, result.get(), ready); }, limit);
    if (row == nullptr) break;
    all.push(row_of(result.get(), row, bytes));
    if (bytes <= kRowsMax) continue;
    // Or what is left would be read and thrown away.
    ::shutdown(mysql_get_socket(mysql_.get()), SHUT_RDWR);
    return Failure{0, "the answer is longer than " + std::to_string(kRowsMax) + " bytes"};
  }
  if (mysql_errno(mysql_.get()) != 0) return failure("no whole answer of");
  in_order_ = !expired_ && mysql_more_results(mysql_.get()) == 0;
  rows = all.dump();
  return std::nullopt;
}

bool SqlConnection::usable() const {
  pollfd socket{mysql_get_socket(mysql_.get()), POLLIN, 0};
  return in_order_ && ::poll(&socket, 1, 0) == 0;
}

}  // namespace fairlead::live
