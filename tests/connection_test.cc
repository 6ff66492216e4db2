#include "reconciler/live/connection.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "reconciler/live/http_client.h"
#include "tests/program.h"
#include "tests/raw_server.h"
#include "tests/temp_folder.h"

// What the daemon asks may be anybody's: a container, a registry, a service, an engine. Each of
// them is asked here while it does its worst (attack S1, S3).
namespace fairlead::live {
namespace {

using std::chrono::milliseconds;
using testing::Authority;
using testing::RawServer;
using testing::TempFolder;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kTimeout{300};
constexpr std::size_t kBodyMax = 64u << 10;
// What is read of a body in small chunks, and what the kernel takes that nobody reads.
constexpr std::size_t kSentMax = 1u << 20;

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string in_chunks = ok + "Transfer-Encoding: chunked\r\n\r\n";

// Where a peer writes to, after it has read a request, or by TLS what came first: counts what the
// kernel has taken; false once nobody listens.
class Out {
 public:
  explicit Out(const RawServer::Connection& connection, SSL_CTX* tls = nullptr)
      : connection_(connection), tls_(tls == nullptr ? nullptr : SSL_new(tls), SSL_free) {
    const int small = 64 << 10;
    ::setsockopt(connection.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    char request[4096];
    if (!tls_) {
      open_ = ::recv(connection.fd(), request, sizeof request, 0) > 0;
      return;
    }
    SSL_set_fd(tls_.get(), connection.fd());
    open_ = SSL_accept(tls_.get()) == 1 && SSL_read(tls_.get(), request, sizeof request) > 0;
  }
  bool operator()(const std::string& text) {
    const int size = static_cast<int>(text.size());
    open_ =
        open_ && (tls_ ? SSL_write(tls_.get(), text.data(), size) == size : connection_.send(text));
    if (open_) sent_ += text.size();
    return open_;
  }
  void without_end(const std::string& text) {
    std::string block;
    while (block.size() < 4096) block += text;
    while ((*this)(block)) continue;
  }
  void slowly(const std::string& text) {
    while ((*this)(text)) std::this_thread::sleep_for(milliseconds(20));
  }
  std::size_t sent() const { return sent_; }

 private:
  const RawServer::Connection& connection_;
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls_;
  bool open_ = true;
  std::size_t sent_ = 0;
};

struct Mode {
  std::string name;
  std::function<void(Out&)> serve;
  std::string error;  // a part of it
};

const std::string refused = " is refused: ";
const std::string cut = " was cut off";
const std::string late = "no whole answer within 300 ms";
const std::string too_long = "the answer is longer than 65536 bytes";

std::vector<Mode> worst() {
  const auto endless = [](std::string begin, std::string text) {
    return [begin = std::move(begin), text = std::move(text)](Out& out) {
      out(begin);
      out.without_end(text);
    };
  };
  const auto slow = [](std::string begin, std::string text) {
    return [begin = std::move(begin), text = std::move(text)](Out& out) {
      out(begin);
      out.slowly(text);
    };
  };
  const auto just = [](std::string text) { return [text](Out& out) { out(text); }; };
  const std::string status = refused + "the status line is longer than 8192 bytes";
  const std::string head = refused + "the header is longer than 65536 bytes";
  const std::string trailer = refused + "the trailer is longer than 65536 bytes";
  const std::string none = refused + "it is no HTTP (bad version)";
  const std::string chunk = refused + "the line of a chunk's size is longer than 8192 bytes";
  const std::string length = refused + "it is no HTTP (bad Content-Length)";
  const std::string size = refused + "it is no HTTP (bad chunk)";
  return {
      {"a reason of 30,000 bytes",
       just("HTTP/1.1 200 " + std::string(30'000, 'A') + "\r\nContent-Length: 0\r\n\r\n"), status},
      {"a status line without end", endless("HTTP/1.1 200 ", "S"), head},
      {"bytes without any line", endless("", "S"), none},
      {"garbage before the status line", just("\x16\x03 garbage\r\n" + ok + "\r\n"), none},
      {"a header line without end", endless(ok + "X: ", "B"), head},
      // By their number or their length, as they come in pieces.
      {"headers without end", endless(ok, "A: b\r\n"), refused},
      {"long headers without end", endless(ok, "X: " + std::string(900, 'v') + "\r\n"), head},
      {"interim answers without end", endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
       refused + "more than 10 interim answers"},
      {"a length below zero", just(ok + "Content-Length: -1\r\n\r\nabc"), length},
      {"a length beyond 64 bits", just(ok + "Content-Length: 99999999999999999999\r\n\r\nabc"),
       length},
      {"two lengths", just(ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), length},
      {"a length that never comes", just(ok + "Content-Length: 18446744073709551615\r\n\r\nabc"),
       cut},
      {"a body without end", endless(ok + "\r\n", "C"), too_long},
      {"a body of a huge length", endless(ok + "Content-Length: 9999999999999\r\n\r\n", "C"),
       too_long},
      {"a chunk size without end", endless(in_chunks, "1"), chunk},
      {"a chunk extension without end", endless(in_chunks + "1;", "e"), chunk},
      {"a chunk size beyond 64 bits", just(in_chunks + "FFFFFFFFFFFFFFFFF\r\n"), size},
      {"a chunk size below zero", just(in_chunks + "-1\r\n"), size},
      {"the largest chunk", endless(in_chunks + "FFFFFFFFFFFFFFFF\r\n", "Z"), too_long},
      {"chunks without end", endless(in_chunks, "8\r\nZZZZZZZZ\r\n"), too_long},
      {"chunk extensions without end",
       endless(in_chunks, "1;" + std::string(100, 'e') + "\r\nZ\r\n"),
       refused + "the extensions of chunks are longer than 65536 bytes"},
      {"a chunk longer than its size", endless(in_chunks + "1\r\n", "Z"), refused},
      {"trailers without end", endless(in_chunks + "0\r\n", "A: b\r\n"), trailer},
      {"a trailer line without end", endless(in_chunks + "0\r\nX: ", "B"), trailer},
      {"a compressed bomb", endless(ok + "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08", "\xff"),
       too_long},
      {"no answer", [](Out&) {}, cut},
      {"half a header", just(ok + "Content-Le"), cut},
      {"half a body", just(ok + "Content-Length: 10\r\n\r\nhalf"), cut},
      {"half a chunk", just(in_chunks + "a\r\nhalf"), cut},
      {"no last chunk", just(in_chunks + "4\r\nhalf\r\n"), cut},
      {"a status line byte by byte", slow("HTTP/1.1 200 ", "O"), late},
      {"headers byte by byte", slow(ok, "A"), late},
      {"a body byte by byte", slow(ok + "Content-Length: 60000\r\n\r\n", "C"), late},
      {"a body up to the end byte by byte", slow(ok + "\r\n", "C"), late},
      {"a chunk size byte by byte", slow(in_chunks, "1"), late},
  };
}

struct Bench {
  TempFolder folder;
  std::shared_ptr<Platform> platform = std::make_shared<Platform>();
  std::optional<HttpClient> client;

  HttpClient& http() {
    platform->engine.host = "unix://" + folder / "engine.sock";
    if (!client) client.emplace(platform, false);
    return *client;
  }
  Answer ask(HttpCall call) {
    call.timeout = kTimeout;
    call.body_max = kBodyMax;
    return http().call(call);
  }
};

HttpCall to(const std::string& endpoint, const std::string& method = "GET") {
  HttpCall call;
  call.endpoint = endpoint;
  call.method = method;
  call.path = "/up";
  return call;
}

// Asks once, and sees that it ends in time, with that error, and little read.
void suffer(Bench& bench, const HttpCall& call, const std::string& error,
            const std::atomic<std::size_t>& sent) {
  const auto start = Clock::now();
  const Answer answer = bench.ask(call);
  CHECK(Clock::now() - start < kTimeout + milliseconds(1000));
  CHECK_FALSE(answer.answered());
  CHECK_MESSAGE(answer.error.find(error) != std::string::npos, answer.error);
  CHECK(sent <= kSentMax);
}

TEST_CASE("class 16: nothing that a container or an engine answers is more than an error") {
  for (const Mode& mode : worst()) {
    CAPTURE(mode.name);
    std::atomic<std::size_t> sent = 0;
    const auto serve = [&](const RawServer::Connection& connection) {
      Out out(connection);
      mode.serve(out);
      sent = std::max(sent.load(), out.sent());
    };
    Bench bench;
    std::optional<RawServer> container(std::in_place, serve);
    std::optional<RawServer> engine(std::in_place, bench.folder / "engine.sock", serve);
    HttpCall pull = to("engine", "POST");
    pull.progress = true;
    suffer(bench, to(container->at("127.0.0.1")), mode.error, sent);
    suffer(bench, to("engine"), mode.error, sent);
    // With progress the silence between two pieces is limited, not the whole.
    if (mode.error != late && mode.error != too_long) suffer(bench, pull, mode.error, sent);
    container.reset();  // the counts are those of peers that have ended
    engine.reset();
    CHECK(sent <= kSentMax);
  }
}

// With the certificate that `issue` made.
std::shared_ptr<SSL_CTX> tls_of(const TempFolder& folder, const std::string& name) {
  std::shared_ptr<SSL_CTX> tls(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate_file(tls.get(), (folder / (name + ".pem")).c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(tls.get(), (folder / (name + ".key")).c_str(), SSL_FILETYPE_PEM);
  return tls;
}

TEST_CASE("class 16: nothing that a registry or a service answers by TLS is more than an error") {
  Bench bench;
  const Authority ours(bench.folder, "ours");
  ours.issue("registry", "DNS:localhost");
  const auto tls = tls_of(bench.folder, "registry");
  for (const Mode& mode : worst()) {
    CAPTURE(mode.name);
    std::atomic<std::size_t> sent = 0;
    std::optional<RawServer> registry(std::in_place, [&](const RawServer::Connection& connection) {
      Out out(connection, tls.get());
      mode.serve(out);
      sent = std::max(sent.load(), out.sent());
    });
    HttpCall call = to(registry->at("localhost"));
    call.tls = Tls{ours.file()};
    suffer(bench, call, mode.error, sent);
    registry.reset();
    CHECK(sent <= kSentMax);
  }
}

TEST_CASE("a peer that speaks garbage instead of TLS, or nothing, or bit by bit, gets nothing") {
  Bench bench;
  const Authority ours(bench.folder, "ours");
  const std::string failed = ": the handshake failed";
  const std::string hello("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", 9);  // the head of a long record
  const std::vector<Mode> modes = {
      {"garbage", [](Out& out) { out("HTTP/1.1 400 Bad Request\r\n\r\n"); }, failed},
      {"garbage without end", [](Out& out) { out.without_end("garbage"); }, failed},
      {"a handshake without end", [&](Out& out) { out.without_end(hello); }, failed},
      {"a record byte by byte", [&](Out& out) { out(hello), out.slowly("a"); }, late},
      {"alerts without end",
       [](Out& out) {
         out.without_end({"\x15\x03\x03\x00\x02\x01\x5a", 7});
       },
       failed},
      {"silence", [](Out& out) { out.slowly(""); }, late},
      {"the end", [](Out&) {}, failed},
  };
  for (const Mode& mode : modes) {
    CAPTURE(mode.name);
    std::atomic<std::size_t> sent = 0;
    RawServer peer([&](const RawServer::Connection& connection) {
      Out out(connection);
      mode.serve(out);
      sent = out.sent();
    });
    HttpCall call = to(peer.at("localhost"));
    call.tls = Tls{ours.file()};
    suffer(bench, call, mode.error, sent);
  }
}

TEST_CASE("a connection that is not accepted ends at the deadline") {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  // As many as wait for their accept(), so that the next one gets no answer.
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(waiting.back().get(), reinterpret_cast<sockaddr*>(&address), size);
  }
  Bench bench;
  const std::atomic<std::size_t> none = 0;
  suffer(bench, to("127.0.0.1:" + std::to_string(ntohs(address.sin_port))), late, none);
  ::close(listener);
}

TEST_CASE("a connection is used again only where nothing is left of the answer before") {
  const std::string two = "Content-Length: 2\r\n\r\nhi";
  struct Row {
    std::string answer;
    bool again;
    const char* method = "GET";
  };
  const std::vector<Row> rows = {
      {ok + two, true},
      {in_chunks + "2\r\nhi\r\n0\r\nA: b\r\n\r\n", true},
      {"HTTP/1.1 204 No Content\r\n\r\n", true},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", true},
      {"HTTP/1.1 100 Continue\r\n\r\n" + ok + two, true},
      {ok + "Content-Length: 2\r\n\r\n", true, "HEAD"},
      {ok + "Connection: close\r\n" + two, false},
      {"HTTP/1.0 200 OK\r\n" + two, false},
      {ok + two + ok + two, false},  // the second is for a request that nobody has made
  };
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    RawServer service([&](const RawServer::Connection& connection) {
      while (!connection.read_request().empty() && connection.send(row.answer)) continue;
    });
    Bench bench;
    HttpCall call = to(service.at("127.0.0.1"), row.method);
    call.login = Login{"a", Secret("b"), ""};
    for (int i = 0; i < 3; ++i) CHECK(bench.ask(call).answered());
    CHECK(service.connections() == (row.again ? 1 : 3));
  }
}

TEST_CASE("what a peer says unasked between two requests is the answer to none") {
  RawServer service([](const RawServer::Connection& connection) {
    connection.read_request();
    connection.answer("asked");
    std::this_thread::sleep_for(milliseconds(50));
    connection.answer("unasked");
    connection.hang();
  });
  Bench bench;
  HttpCall call = to(service.at("127.0.0.1"));
  call.login = Login{"a", Secret("b"), ""};
  REQUIRE(bench.ask(call).body == "asked");
  std::this_thread::sleep_for(milliseconds(100));
  CHECK(bench.ask(call).body == "asked");
}

TEST_CASE("a request says whom it is for and who asks, and no word of it breaks out of its place") {
  RawServer container([](const RawServer::Connection& connection) {
    connection.read_request();
    connection.answer("hi");
  });
  Bench bench;
  const std::string at = container.at("127.0.0.1");
  HttpCall call = to(at, "PUT");
  call.headers = {{"accept", "text/plain"}};
  REQUIRE(bench.ask(call).ok());
  CHECK(container.requests().at(0) ==
        "PUT /up HTTP/1.1\r\nHost: " + at +
            "\r\nUser-Agent: fairlead/" FAIRLEAD_VERSION
            "\r\naccept: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  HttpCall path = to(at);
  path.path = "/up HTTP/1.1\r\nA: b\r\n\r\n";
  HttpCall method = to(at, "GET /\n");
  HttpCall name = to(at);
  name.headers = {{"A: b\r\nC", "d"}};
  HttpCall value = to(at);
  value.headers = {{"A", "b\r\nC: d"}};
  for (const HttpCall& broken : {path, method, name, value}) {
    CHECK(bench.ask(broken).error.find("breaks out") != std::string::npos);
  }
  CHECK(container.connections() == 1);
}

}  // namespace
}  // namespace fairlead::live
