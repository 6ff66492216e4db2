#include "reconciler/live/sql_client.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "reconciler/json.h"
#include "tests/mariadb_server.h"

namespace fairlead::live {
namespace {

using std::chrono::milliseconds;
using testing::Authority;
using testing::MariadbServer;
using testing::TempFolder;
using Clock = std::chrono::steady_clock;

// One for all tests here: to start it takes two seconds.
MariadbServer& server() {
  static MariadbServer one;
  static const bool up = one.up();
  REQUIRE_MESSAGE(up, "no MariaDB: mariadb-server-core and mariadb-client-core must be installed");
  return one;
}

SqlCall query(const std::string& statement) {
  SqlCall call;
  call.endpoint = server().at("127.0.0.1");
  call.login.user = "root";
  call.statement = statement;
  return call;
}

SqlCall command(const std::string& statement) {
  SqlCall call = query(statement);
  call.write = true;
  return call;
}

SqlCall with(SqlCall call, const std::string& user, const std::string& password) {
  call.login = Login{user, Secret(password), ""};
  return call;
}

SqlCall at(SqlCall call, const std::string& endpoint) {
  call.endpoint = endpoint;
  return call;
}

SqlCall within(SqlCall call, milliseconds timeout) {
  call.timeout = timeout;
  return call;
}

// A database and the user "app" with the password "geheim", new for each test.
struct Bench {
  Bench() {
    set("DROP DATABASE IF EXISTS app");
    set("CREATE DATABASE app CHARACTER SET utf8mb4");
    set("CREATE TABLE app.t (a INT, b LONGTEXT)");
    set("CREATE OR REPLACE USER app IDENTIFIED BY 'geheim'");
    set("GRANT ALL ON app.* TO app");
  }
  void set(const std::string& statement) {
    const Answer answer = client.call(command(statement));
    REQUIRE_MESSAGE(answer.status == 200, statement << ": " << answer.error);
    CHECK(answer.body == "[]");
  }
  // The one value of one row.
  std::string value(const SqlCall& call) {
    const Answer answer = client.call(call);
    CHECK(answer.error == "");
    const Result<Json> rows = Json::parse(answer.body);
    REQUIRE(rows.ok());
    REQUIRE(rows->items().size() == 1);
    return rows->items()[0].items().at(0).as_string();
  }
  std::string value(const std::string& statement) { return value(query(statement)); }

  SqlClient client{false};
};

// Between a client and the server: it hands bytes on, but ends a connection instead of handing on
// what comes from the client once cut() was said.
class Relay {
 public:
  Relay() : listener_(testing::listen_on_loopback(port_)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  void cut() { cut_ = true; }
  int connections() const { return connections_; }

 private:
  void run() {
    std::vector<std::thread> relays;
    for (int fd = ::accept(listener_, nullptr, nullptr); fd >= 0;
         fd = ::accept(listener_, nullptr, nullptr)) {
      ++connections_;
      relays.emplace_back([this, fd] { relay(fd); });
    }
    for (std::thread& relay : relays) relay.join();
  }

  void relay(int client) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(server().port()));
    const int upstream = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::connect(upstream, reinterpret_cast<sockaddr*>(&address), sizeof address);
    pollfd fds[2] = {{client, POLLIN, 0}, {upstream, POLLIN, 0}};
    while (::poll(fds, 2, -1) > 0) {
      if (fds[0].revents != 0 && (cut_.exchange(false) || !hand_on(client, upstream))) break;
      if (fds[1].revents != 0 && !hand_on(upstream, client)) break;
    }
    ::close(client);
    ::close(upstream);
  }

  static bool hand_on(int from, int to) {
    char bytes[4096];
    const ssize_t size = ::recv(from, bytes, sizeof bytes, 0);
    return size > 0 && ::send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
  }

  int port_ = 0;
  const int listener_;
  std::atomic<bool> cut_{false};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

// Where a connection is made and nothing ever said.
class Silence {
 public:
  Silence() : listener_(testing::listen_on_loopback(port_)) {}
  ~Silence() { ::close(listener_); }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int port_ = 0;
  const int listener_;
};

TEST_CASE("rows come as arrays of texts and nulls, and a statement without rows has none") {
  Bench bench;
  CHECK(bench.client.call(query("SELECT 1, NULL, 'a\"b', '' UNION ALL SELECT 2, 'x', 'y', 'z'"))
            .body == R"([["1",null,"a\"b",""],["2","x","y","z"]])");
  CHECK(bench.client.call(query("SELECT a FROM app.t")).body == "[]");
  bench.set("INSERT INTO app.t VALUES (1, 'Grüße 😀')");
  CHECK(bench.value("SELECT b FROM app.t") == "Grüße 😀");
  CHECK(bench.value("SELECT HEX(b) FROM app.t") == "4772C3BCC39F6520F09F9880");
  CHECK(bench.value("SELECT 'a\\0b'") == std::string("a\0b", 3));
}

TEST_CASE("what the server refuses has its number and its message") {
  Bench bench;
  const auto refused = [&](const SqlCall& call) {
    const Answer answer = bench.client.call(call);
    CHECK(answer.body == answer.error);
    CHECK_FALSE(answer.error.empty());
    return answer.status;
  };
  CHECK(refused(query("SELECT nonsense")) == 1054);
  CHECK(refused(command("DROP TABLE app.missing")) == 1051);
  CHECK(refused(query("SELECT 1; SELECT 2")) == 1064);
  CHECK(refused(with(query("SELECT 1"), "app", "wrong")) == 1045);
  CHECK(refused(with(query("SELECT 1 FROM mysql.user"), "app", "geheim")) == 1142);
  bench.set("ALTER USER app WITH MAX_USER_CONNECTIONS 1");
  SqlClient first(false);
  SqlClient second(false);
  CHECK(first.call(with(query("SELECT 1"), "app", "geheim")).ok());
  CHECK(second.call(with(query("SELECT 1"), "app", "geheim")).status == 1226);
}

TEST_CASE("a server that is full says so before anybody logs in") {
  Bench bench;
  const std::string before = bench.value("SELECT @@global.max_connections");
  bench.set("SET GLOBAL max_connections = 10");
  std::vector<std::unique_ptr<SqlClient>> others;
  Answer last;
  for (int i = 0; i < 12; ++i) {
    others.push_back(std::make_unique<SqlClient>(false));
    last = others.back()->call(with(query("SELECT 1"), "app", "geheim"));
  }
  CHECK(last.status == 1040);
  bench.set("SET GLOBAL max_connections = " + before);
}

TEST_CASE("no statement can send a file of ours") {
  Bench bench;
  const Answer answer =
      bench.client.call(command("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE app.t (b)"));
  CHECK_FALSE(answer.ok());
  CHECK(bench.value("SELECT COUNT(*) FROM app.t") == "0");
}

TEST_CASE("escaping means the same whatever the server is set to, and no lock is waited for long") {
  Bench bench;
  bench.set("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
  SqlClient fresh(false);
  CHECK(fresh.call(query(R"(SELECT 'it\'s', "text")")).body == R"([["it's","text"]])");
  CHECK(fresh.call(command("GRANT ALL ON app.* TO nobody")).status == 1133);
  bench.set("SET GLOBAL sql_mode = DEFAULT");
  CHECK(bench.value("SELECT @@lock_wait_timeout") == "4");
}

TEST_CASE("a connection is used again by the same login only") {
  Bench bench;
  const SqlCall id = query("SELECT CONNECTION_ID()");
  const std::string first = bench.value(id);
  CHECK(bench.value(id) == first);
  CHECK_FALSE(bench.client.call(query("SELECT nonsense")).ok());
  CHECK(bench.value(id) == first);
  const std::string other = bench.value(with(id, "app", "geheim"));
  CHECK(other != first);
  CHECK(bench.value(with(id, "app", "geheim")) == other);
  CHECK(bench.client.call(with(id, "app", "wrong")).status == 1045);
  CHECK(bench.value(id) == first);
}

TEST_CASE("calls run side by side, and at most four connections stay open") {
  Bench bench;
  SqlClient many(false);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      if (many.call(with(query("SELECT SLEEP(0.5)"), "app", "geheim")).ok()) ++good;
    });
  const auto start = Clock::now();
  for (std::thread& thread : threads) thread.join();
  CHECK(Clock::now() - start < milliseconds(2000));
  CHECK(good == 8);
  const std::string count =
      "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'";
  // The server takes a moment to see that the others were closed.
  for (int i = 0; i < 100 && bench.value(count) != "4"; ++i)
    std::this_thread::sleep_for(milliseconds(20));
  CHECK(bench.value(count) == "4");
}

TEST_CASE("a connection that was closed while it was idle is noticed before anything is sent") {
  Bench bench;
  const SqlCall id = with(query("SELECT CONNECTION_ID()"), "app", "geheim");
  const std::string first = bench.value(id);
  bench.set("KILL CONNECTION USER app");
  std::this_thread::sleep_for(milliseconds(200));
  CHECK(bench.client.call(with(command("INSERT INTO app.t VALUES (1, '')"), "app", "geheim")).ok());
  CHECK(bench.value(id) != first);
}

TEST_CASE(
    "on a connection that ends under a statement, a reading one is sent again and a writing one "
    "never") {
  Bench bench;
  for (const bool writing : {false, true}) {
    CAPTURE(writing);
    Relay relay;
    {
      SqlClient client(false);
      SqlCall call = at(query("SELECT COUNT(*) FROM app.t"), relay.endpoint());
      REQUIRE(client.call(call).ok());
      relay.cut();
      if (writing) call = at(command("INSERT INTO app.t VALUES (1, '')"), relay.endpoint());
      const Answer answer = client.call(call);
      CHECK(answer.status == (writing ? 0 : 200));
      CHECK(answer.error.empty() == !writing);
      CHECK(relay.connections() == (writing ? 1 : 2));
    }
    CHECK(bench.value("SELECT COUNT(*) FROM app.t") == "0");
  }
}

TEST_CASE("where nothing listens there is no answer, and it is said") {
  SqlClient client(false);
  std::string closed;
  {
    Silence gone;
    closed = gone.endpoint();
  }
  const Answer answer = client.call(at(query("SELECT 1"), closed));
  CHECK(answer.status == 0);
  CHECK(answer.error.find("no connection to " + closed + ": ") == 0);
  CHECK(client.call(at(query("SELECT 1"), "nowhere")).error == "not ADDRESS:PORT: nowhere");
}

TEST_CASE("a call ends at its deadline, whatever the server does") {
  Bench bench;
  Silence silence;
  const auto start = Clock::now();
  const milliseconds limit(200);
  CHECK(bench.client.call(within(query("SELECT SLEEP(5)"), limit)).error ==
        "no whole answer within 200 ms");
  CHECK(bench.client.call(within(at(query("SELECT 1"), silence.endpoint()), limit)).error ==
        "no connection to " + silence.endpoint() + " within 200 ms");
  SqlCall tls = within(at(query("SELECT 1"), silence.endpoint()), limit);
  tls.tls = Tls{server().authority.file()};
  CHECK(bench.client.call(tls).status == 0);
  // Rows that come now and then, each long enough to leave the server's buffer.
  const std::string rows = "SELECT SLEEP(0.05), REPEAT('x', 20000) FROM app.seq_1_to_100";
  CHECK(bench.client.call(within(query(rows), limit)).error == "no whole answer within 200 ms");
  CHECK(Clock::now() - start < milliseconds(1600));
}

TEST_CASE("an answer that is too long counts as none") {
  Bench bench;
  const SqlCall long_one = query("SELECT REPEAT('x', 10 * 1024 * 1024) FROM app.seq_1_to_10");
  const Answer answer = bench.client.call(within(long_one, std::chrono::minutes(1)));
  CHECK(answer.status == 0);
  CHECK(answer.error == "the answer is longer than 67108864 bytes");
}

TEST_CASE("stop ends what is under way within a second, and later calls get no answer") {
  Bench bench;
  Silence silence;
  const milliseconds long_time = std::chrono::minutes(5);
  std::vector<std::thread> threads;
  std::atomic<int> ended{0};
  for (const SqlCall& call :
       {within(query("SELECT SLEEP(300)"), long_time),
        within(at(query("SELECT 1"), silence.endpoint()), long_time),
        within(at(query("SELECT 1"), "192.0.2.1:3306"), long_time)})  // never answers
    threads.emplace_back([&, call] {
      if (bench.client.call(call).status == 0) ++ended;
    });
  std::this_thread::sleep_for(milliseconds(300));
  const auto start = Clock::now();
  bench.client.stop();
  for (std::thread& thread : threads) thread.join();
  CHECK(Clock::now() - start < milliseconds(1000));
  CHECK(ended == 3);
  CHECK(bench.client.call(query("SELECT 1")).error == "fairlead is ending");
}

TEST_CASE("a client that only reads opens no connection for a writing statement") {
  Bench bench;
  Relay relay;
  {
    SqlClient reader(true);
    const Answer answer = reader.call(at(command("DROP TABLE app.t"), relay.endpoint()));
    CHECK(answer.status == 0);
    CHECK(answer.error == "refused a writing statement: this world only reads");
    CHECK(relay.connections() == 0);
    CHECK(reader.call(at(query("SELECT COUNT(*) FROM app.t"), relay.endpoint())).ok());
    CHECK(relay.connections() == 1);
  }
}

TEST_CASE("the password may be the first line of a file, which is read at each call") {
  Bench bench;
  TempFolder folder;
  SqlCall call = query("SELECT CURRENT_USER()");
  call.login = Login{"app", Secret(), folder / "password"};
  CHECK(bench.client.call(call).error.find("no password for app: ") == 0);
  folder.write("password", "geheim\n# of the database\n");
  CHECK(bench.value(call) == "app@%");
  folder.write("password", "wrong\n");
  CHECK(bench.client.call(call).status == 1045);
}

TEST_CASE("a server by TLS is believed with the right authority and name only") {
  Bench bench;
  TempFolder folder;
  const Authority others(folder, "others");
  bench.set("ALTER USER app REQUIRE SSL");
  SqlCall call = with(query("SHOW STATUS LIKE 'Ssl_version'"), "app", "geheim");
  call.endpoint = server().at("localhost");
  CHECK(bench.client.call(call).status == 1045);
  const auto error = [&](const std::string& host, const std::string& ca) {
    SqlCall other = at(call, server().at(host));
    other.tls = Tls{ca};
    const Answer answer = bench.client.call(other);
    CHECK(answer.status == 0);
    return answer.error;
  };
  CHECK(error("localhost", others.file()).find("no connection with TLS to localhost:") == 0);
  CHECK(error("localhost", "").find("no connection with TLS to localhost:") == 0);
  CHECK(error("127.0.0.1", server().authority.file()).find("no connection with TLS to 127") == 0);
  CHECK(error("localhost", folder / "absent").find("no connection with TLS to localhost:") == 0);
  call.tls = Tls{server().authority.file()};
  CHECK(bench.client.call(call).body == R"([["Ssl_version","TLSv1.3"]])");
  CHECK(bench.client.call(call).ok());
}

TEST_CASE("a server that was restarted is asked anew") {
  Bench bench;
  const SqlCall call = query("SELECT 'up'");
  REQUIRE(bench.value(call) == "up");
  server().kill();
  CHECK(bench.client.call(call).status == 0);
  server().start();
  REQUIRE(server().up());
  CHECK(bench.value(call) == "up");
}

}  // namespace
}  // namespace fairlead::live
