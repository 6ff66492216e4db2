// ledger: the demo app with a database and a message bus. `ledger serve` answers HTTP: it enters
// each visit in the database and hands a job to count it to the bus. `ledger work` takes these jobs
// and counts the visits by the hour. `ledger` does both. Any number of each may run.
//
// All that it knows of its services are DATABASE_URL and AMQP_URL. A service that goes away is
// waited for: nothing that was entered is lost, and nothing is counted twice, since a visit is
// counted in one transaction with the mark that it was. A job that never reached the bus is found
// by the worker, which looks for old visits without that mark.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <httplib.h>
#include <mysql.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr unsigned int patience = 5;  // seconds that a service may take for an answer
constexpr int heartbeat = 10;         // seconds; of a worker's connection
constexpr char queue_name[] = "visits";
constexpr amqp_channel_t channel = 1;

std::atomic<bool> stopping{false};

void say(const char* part, const std::string& what) {
  std::printf("ledger %s: %s\n", part, what.c_str());
  std::fflush(stdout);
}

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

struct Url {
  std::string user;
  std::string password;
  std::string host;
  int port = 0;
  std::string path;  // without its "/": the database, the vhost
};

std::string percent_decoded(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// scheme://user:password@host:port/path, where none of these may be left out.
Url parse_url(const std::string& text) {
  const std::size_t user = text.find("://") + 3;
  const std::size_t at = text.find('@', user);
  const std::size_t path = text.find('/', at);
  const std::size_t colon = text.find(':', user);
  const std::size_t port = text.rfind(':', path);
  if (text.find("://") == text.npos || path == text.npos || colon > at || port < at) {
    throw std::runtime_error("not a URL with user, password, host, port and path");
  }
  return {percent_decoded(text.substr(user, colon - user)),
          percent_decoded(text.substr(colon + 1, at - colon - 1)),
          text.substr(at + 1, port - at - 1), std::stoi(text.substr(port + 1, path - port - 1)),
          percent_decoded(text.substr(path + 1))};
}

// One session with the database. Every failure is thrown; the session is of no use then.
class Database {
 public:
  Database() : session_(mysql_init(nullptr)) {
    const Url url = parse_url(setting("DATABASE_URL"));
    mysql_options(session_, MYSQL_OPT_CONNECT_TIMEOUT, &patience);
    mysql_options(session_, MYSQL_OPT_READ_TIMEOUT, &patience);
    mysql_options(session_, MYSQL_OPT_WRITE_TIMEOUT, &patience);
    if (mysql_real_connect(session_, url.host.c_str(), url.user.c_str(), url.password.c_str(),
                           url.path.c_str(), static_cast<unsigned int>(url.port), nullptr,
                           0) == nullptr) {
      const std::string why = mysql_error(session_);
      mysql_close(session_);
      throw std::runtime_error("database: " + why);
    }
  }
  ~Database() { mysql_close(session_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  bool answers() { return mysql_ping(session_) == 0; }

  // The number of rows that were changed. No input from outside is ever part of the text.
  std::uint64_t change(const std::string& sql) {
    if (mysql_query(session_, sql.c_str()) != 0) fail();
    return mysql_affected_rows(session_);
  }

  std::uint64_t last_id() { return mysql_insert_id(session_); }

  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    if (mysql_query(session_, sql.c_str()) != 0) fail();
    MYSQL_RES* result = mysql_store_result(session_);
    if (result == nullptr) fail();
    std::vector<std::vector<std::string>> all;
    while (MYSQL_ROW row = mysql_fetch_row(result)) {
      all.emplace_back();
      for (unsigned int i = 0; i < mysql_num_fields(result); ++i) {
        all.back().emplace_back(row[i] == nullptr ? "" : row[i]);
      }
    }
    mysql_free_result(result);
    return all;
  }

 private:
  [[noreturn]] void fail() {
    throw std::runtime_error(std::string("database: ") + mysql_error(session_));
  }

  MYSQL* session_;
};

void make_tables(Database& database) {
  database.change(
      "CREATE TABLE IF NOT EXISTS visits (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,"
      " at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, counted BOOLEAN NOT NULL DEFAULT FALSE,"
      " KEY (counted, at))");
  database.change(
      "CREATE TABLE IF NOT EXISTS hours (hour CHAR(13) PRIMARY KEY,"
      " visits BIGINT UNSIGNED NOT NULL)");
}

// Counts a visit by the hour, unless it is counted already.
void count_visit(Database& database, std::uint64_t visit) {
  const std::string id = std::to_string(visit);
  database.change("START TRANSACTION");
  if (database.change("UPDATE visits SET counted = TRUE WHERE NOT counted AND id = " + id) == 1) {
    database.change(
        "INSERT INTO hours SELECT DATE_FORMAT(at, '%Y-%m-%dT%H'), 1 FROM visits WHERE id = " + id +
        " ON DUPLICATE KEY UPDATE hours.visits = hours.visits + 1");
  }
  database.change("COMMIT");
}

// One connection to the bus, with one channel and the queue of jobs. Every failure is thrown; the
// connection is of no use then.
class Bus {
 public:
  explicit Bus(int heartbeat_seconds) : connection_(amqp_new_connection()) {
    try {
      open(parse_url(setting("AMQP_URL")), heartbeat_seconds);
    } catch (...) {
      amqp_destroy_connection(connection_);
      throw;
    }
  }
  ~Bus() {
    amqp_connection_close(connection_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection_);
  }
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  void expect_confirms() {
    amqp_confirm_select(connection_, channel);
    check(amqp_get_rpc_reply(connection_), "confirms");
  }

  // Returns once the bus has written the job down.
  void hand_over(const std::string& job) {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    check(amqp_basic_publish(connection_, channel, amqp_empty_bytes, amqp_cstring_bytes(queue_name),
                             0, 0, &properties, {job.size(), const_cast<char*>(job.data())}),
          "publish");
    amqp_frame_t frame;
    timeval limit{patience, 0};
    check(amqp_simple_wait_frame_noblock(connection_, &frame, &limit), "confirmation");
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
      throw std::runtime_error("bus: refused the job");
    }
    amqp_maybe_release_buffers(connection_);
  }

  void take_jobs() {
    amqp_basic_qos(connection_, channel, 0, 50, 0);
    check(amqp_get_rpc_reply(connection_), "qos");
    amqp_basic_consume(connection_, channel, amqp_cstring_bytes(queue_name), amqp_empty_bytes, 0, 0,
                       0, amqp_empty_table);
    check(amqp_get_rpc_reply(connection_), "consume");
  }

  // Waits a second at most; a job is gone from the bus only when `work` has returned.
  template <typename Work>
  void next_job(Work work) {
    amqp_maybe_release_buffers(connection_);
    amqp_envelope_t envelope;
    timeval limit{1, 0};
    const amqp_rpc_reply_t reply = amqp_consume_message(connection_, &envelope, &limit, 0);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        reply.library_error == AMQP_STATUS_TIMEOUT) {
      return;
    }
    check(reply, "job");
    const std::string job(static_cast<const char*>(envelope.message.body.bytes),
                          envelope.message.body.len);
    const std::uint64_t tag = envelope.delivery_tag;
    amqp_destroy_envelope(&envelope);
    work(job);
    check(amqp_basic_ack(connection_, channel, tag, 0), "acknowledge");
  }

 private:
  void open(const Url& url, int heartbeat_seconds) {
    amqp_socket_t* socket = amqp_tcp_socket_new(connection_);
    timeval limit{patience, 0};
    check(amqp_socket_open_noblock(socket, url.host.c_str(), url.port, &limit), "connect");
    amqp_set_rpc_timeout(connection_, &limit);
    check(amqp_login(connection_, url.path.c_str(), 0, AMQP_DEFAULT_FRAME_SIZE, heartbeat_seconds,
                     AMQP_SASL_METHOD_PLAIN, url.user.c_str(), url.password.c_str()),
          "login");
    amqp_channel_open(connection_, channel);
    check(amqp_get_rpc_reply(connection_), "channel");
    amqp_queue_declare(connection_, channel, amqp_cstring_bytes(queue_name), 0, 1, 0, 0,
                       amqp_empty_table);
    check(amqp_get_rpc_reply(connection_), "queue");
  }

  static void check(int status, const char* what) {
    if (status != AMQP_STATUS_OK) {
      throw std::runtime_error(std::string("bus: ") + what + ": " + amqp_error_string2(status));
    }
  }

  static void check(const amqp_rpc_reply_t& reply, const char* what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) check(reply.library_error, what);
    throw std::runtime_error(std::string("bus: ") + what + ": refused");
  }

  amqp_connection_state_t connection_;
};

// What the web process holds open. One visit after the other: this is a demo.
class Desk {
 public:
  // The visit's number, and whether the bus has its job.
  std::pair<std::uint64_t, bool> enter_visit() {
    const std::lock_guard lock(mutex_);
    database().change("INSERT INTO visits () VALUES ()");
    const std::uint64_t visit = database_->last_id();
    return {visit, hand_over(std::to_string(visit))};
  }

  std::vector<std::vector<std::string>> ask(const std::string& sql) {
    const std::lock_guard lock(mutex_);
    return database().rows(sql);
  }

  // Throws until both services have answered; says nothing of them later, because an app that is
  // restarted for a database that is away helps nobody.
  void check_first_contact() {
    if (contact_) return;
    const std::lock_guard lock(mutex_);
    database();
    bus();
    contact_ = true;
  }

 private:
  Database& database() {
    if (database_ && database_->answers()) return *database_;
    database_.reset();
    database_.emplace();
    make_tables(*database_);
    return *database_;
  }

  Bus& bus() {
    if (bus_) return *bus_;
    bus_.emplace(0);
    bus_->expect_confirms();
    return *bus_;
  }

  // A connection that has slept may be dead, which shows as it is used: then once more with a new
  // one. A job that arrives twice does no harm.
  bool hand_over(const std::string& job) {
    for (int i = 0; i < 2; ++i) {
      try {
        bus().hand_over(job);
        return true;
      } catch (const std::exception& error) {
        say("serve", error.what());
        bus_.reset();
      }
    }
    return false;
  }

  std::mutex mutex_;
  std::optional<Database> database_;
  std::optional<Bus> bus_;
  std::atomic<bool> contact_{false};
};

std::string page(Desk& desk) {
  const auto [visit, handed] = desk.enter_visit();
  std::string rows;
  for (const auto& row : desk.ask("SELECT hour, visits FROM hours ORDER BY hour DESC LIMIT 24")) {
    rows += "<tr><td>" + row[0] + "<td>" + row[1] + "\n";
  }
  return "<!doctype html><title>ledger</title>\n<h1>Visit " + std::to_string(visit) + "</h1>\n" +
         (handed ? "" : "<p>The message bus is away: this visit will be counted later.\n") +
         "<table><tr><th>hour (UTC)<th>visits counted\n" + rows + "</table>\n";
}

std::string counts(Desk& desk) {
  const auto row = desk.ask("SELECT COUNT(*), COALESCE(SUM(counted), 0) FROM visits").at(0);
  return "visits " + row[0] + ", counted " + row[1] + "\n";
}

// Both services, by a login of its own each time.
std::string log_in() {
  Database().rows("SELECT 1");
  const Bus bus(0);
  return "ok\n";
}

void serve(httplib::Server& server) {
  Desk desk;
  server.Get("/", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(page(desk), "text/html; charset=utf-8");
  });
  server.Get("/count", [&](const httplib::Request&, httplib::Response& response) {
    response.set_content(counts(desk), "text/plain");
  });
  server.Get("/login", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(log_in(), "text/plain");
  });
  server.Get("/up", [&](const httplib::Request&, httplib::Response& response) {
    desk.check_first_contact();
    response.set_content("ok\n", "text/plain");
  });
  server.set_exception_handler(
      [](const auto&, httplib::Response& response, std::exception_ptr why) {
        try {
          std::rethrow_exception(why);
        } catch (const std::exception& error) {
          say("serve", error.what());
          response.status = 503;
          response.set_content(std::string(error.what()) + "\n", "text/plain");
        }
      });
  const int port = std::stoi(setting("PORT"));
  say("serve", "port " + std::to_string(port));
  if (!server.listen("0.0.0.0", port) && !stopping) {
    throw std::runtime_error("cannot listen on port " + std::to_string(port));
  }
}

// Visits whose job never reached the bus.
void count_left_over(Database& database) {
  const auto left = database.rows(
      "SELECT id FROM visits WHERE NOT counted AND at < NOW() - INTERVAL 1 MINUTE LIMIT 1000");
  for (const auto& row : left) count_visit(database, std::stoull(row[0]));
}

// Until it is told to stop, or a service fails.
void work_on() {
  Database database;
  make_tables(database);
  Bus bus(heartbeat);
  bus.take_jobs();
  say("work", "waiting for jobs");
  auto look = std::chrono::steady_clock::now();
  while (!stopping) {
    bus.next_job([&](const std::string& job) { count_visit(database, std::stoull(job)); });
    if (std::chrono::steady_clock::now() < look) continue;
    count_left_over(database);
    look = std::chrono::steady_clock::now() + 1min;
  }
}

void work() {
  while (!stopping) {
    try {
      work_on();
    } catch (const std::exception& error) {
      say("work", error.what());
      for (int i = 0; i < 10 && !stopping; ++i) std::this_thread::sleep_for(100ms);
    }
  }
}

// Blocked in every thread, and waited for in one: as process 1 of a container there is no default
// action for signals.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void run(const std::string& verb) {
  const sigset_t signals = block_stop_signals();
  httplib::Server server;
  std::thread([&signals, &server] {
    int signal = 0;
    sigwait(&signals, &signal);
    stopping = true;
    server.stop();
  }).detach();
  std::thread worker;
  if (verb != "serve") worker = std::thread(work);
  if (verb != "work") serve(server);
  if (worker.joinable()) worker.join();
  say(verb.c_str(), "stopped");
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count == 2 ? words[1] : "";
  if (count > 2 || (!verb.empty() && verb != "serve" && verb != "work")) {
    std::fprintf(stderr, "usage: ledger [serve|work]\n");
    return 2;
  }
  try {
    run(verb);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ledger: %s\n", error.what());
    std::fflush(stderr);
    std::_Exit(1);  // the other threads are not waited for
  }
  std::_Exit(0);
}
