#include "providers/nginx/acme.h"

#include <doctest/doctest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "providers/nginx/certificates.h"
#include "reconciler/live/file_store.h"
#include "reconciler/live/folder.h"
#include "reconciler/live/http_client.h"
#include "reconciler/live/process_runner.h"
#include "tests/certificate_maker.h"
#include "tests/live/child.h"
#include "tests/temp_folder.h"

// Orders by the real lego at pebble, Let's Encrypt's ACME server for tests. All names lead to a web
// server of the test, which serves what the edge would.
namespace fairlead::nginx {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::Child;
using testing::TempFolder;

const std::string host = "blog.example.org";

// Free a moment ago.
int free_port() {
  const live::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(fd.get(), any, size) == 0);
  REQUIRE(::getsockname(fd.get(), any, &size) == 0);
  return ntohs(address.sin_port);
}

// Serves a folder, as the edge serves its challenges.
class WebServer {
 public:
  explicit WebServer(const std::string& folder) {
    fs::create_directories(folder);
    server_.set_mount_point("/", folder);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~WebServer() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

// pebble, and the name server that tells it that every name is this host's.
class Authority {
 public:
  Authority(const TempFolder& folder, int web_port)
      : folder_(folder), port_(free_port()), dns_(std::to_string(free_port())) {
    ::setenv("PEBBLE_VA_NOSLEEP", "1", 1);
    ::setenv("PEBBLE_WFE_NONCEREJECT", "0", 1);
    testing::Wish wish;
    wish.names = "DNS:localhost";
    wish.ends = std::chrono::system_clock::now().time_since_epoch() + hours(24);
    const auto made = testing::make_certificate(wish);
    folder.write("ca/server.crt", made.crt());
    folder.write("ca/server.key", made.pem_key());
    const Json settings = Json::object({{"listenAddress", "127.0.0.1:" + std::to_string(port_)},
                                        {"managementListenAddress", "127.0.0.1:0"},
                                        {"certificate", folder / "ca/server.crt"},
                                        {"privateKey", folder / "ca/server.key"},
                                        {"httpPort", web_port},
                                        {"tlsPort", 1}});
    folder.write("ca/pebble.json", Json::object({{"pebble", settings}}).dump());
    const std::vector<std::string> words = {"/usr/bin/pebble-challtestsrv",
                                            "-defaultIPv4",
                                            "127.0.0.1",
                                            "-defaultIPv6",
                                            "",
                                            "-dns01",
                                            "127.0.0.1:" + dns_,
                                            "-http01",
                                            "",
                                            "-https01",
                                            "",
                                            "-tlsalpn01",
                                            "",
                                            "-management",
                                            "127.0.0.1:0"};
    names_.emplace(words, Child::Setup{folder_ / "ca/names.log", ""});
    start();
  }

  // Of an authority that has forgotten every account, as pebble does.
  void start() {
    const std::vector<std::string> words = {"/usr/bin/pebble", "-config",
                                            folder_ / "ca/pebble.json", "-dnsserver",
                                            "127.0.0.1:" + dns_};
    server_.emplace(words, Child::Setup{folder_ / "ca/pebble.log", ""});
    for (int tries = 0; tries < 100 && !answers(); ++tries) {
      std::this_thread::sleep_for(milliseconds(50));
    }
    REQUIRE(answers());
  }
  void stop() { server_.reset(); }
  int port() const { return port_; }
  std::string directory() const { return "https://localhost:" + std::to_string(port_) + "/dir"; }

 private:
  bool answers() const {
    httplib::SSLClient client("localhost", port_);
    client.enable_server_certificate_verification(false);
    client.set_read_timeout(1);
    return static_cast<bool>(client.Get("/dir"));
  }

  const TempFolder& folder_;
  const int port_;
  const std::string dns_;
  std::optional<Child> names_;
  std::optional<Child> server_;
};

std::string base64url(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  while (out.back() == '=') out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

// As JSON Web Signatures have it (RFC 7518, 3.4): both numbers, 32 bytes each.
std::string sign(EVP_PKEY* key, const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const std::unique_ptr<EVP_MD_CTX, Ends<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  std::vector<unsigned char> der(128);
  std::size_t size = der.size();
  REQUIRE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
  REQUIRE(EVP_DigestSign(context.get(), der.data(), &size, bytes, text.size()) == 1);
  const unsigned char* at = der.data();
  const std::unique_ptr<ECDSA_SIG, Ends<ECDSA_SIG_free>> numbers(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::vector<unsigned char> out(64);
  BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), out.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), out.data() + 32, 32);
  return std::string(out.begin(), out.end());
}

std::string only_file(const std::string& folder, const std::string& end) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == end) return testing::read_text(entry.path());
  }
  FAIL("no " << end << " below " << folder);
  return "";
}

// As the owner of its key may (RFC 8555, 7.3.6), behind lego's back. Its answer.
std::string deactivate_account(const std::string& accounts, httplib::SSLClient& authority) {
  const std::string url =
      Json::parse(only_file(accounts, ".json")).value()["registration"]["uri"].as_string();
  const std::string pem = only_file(accounts, ".key");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const std::string nonce = authority.Head("/nonce-plz")->get_header_value("Replay-Nonce");
  const std::string head = base64url(
      Json::object({{"alg", "ES256"}, {"kid", url}, {"nonce", nonce}, {"url", url}}).dump());
  const std::string body = base64url(Json::object({{"status", "deactivated"}}).dump());
  const Json request = Json::object({{"protected", head},
                                     {"payload", body},
                                     {"signature", base64url(sign(key.get(), head + "." + body))}});
  const std::string path = url.substr(url.find('/', 8));
  return authority.Post(path, request.dump(), "application/jose+json")->body;
}

// What the loop does with plans, for one host.
class Orders {
 public:
  enum class Misled { nobody, ca };  // `ca`: names lead it to a port where nobody is
  explicit Orders(Misled misled = Misled::nobody)
      : web_(folder_ / "edge/challenges"),
        asked_port_(web_.port()),
        authority_(folder_, misled == Misled::ca ? free_port() : web_.port()) {
    platform_.folders.state = folder_ / "state";
    platform_.folders.edge = folder_ / "edge";
    platform_.edge.acme.email = "ops@example.org";
    platform_.edge.acme.directory = authority_.directory();
    platform_.edge.acme.ca_file = folder_ / "ca/server.crt";
    http_ = std::make_unique<live::HttpClient>(std::make_shared<const Platform>(platform_), false);
    programs_ = std::make_unique<live::ProcessRunner>(*http_, false);
  }
  ~Orders() { http_->stop(); }

  Authority& authority() { return authority_; }
  const TempFolder& folder() const { return folder_; }
  // Where fairlead finds the host's port 80.
  void lead_to(int port) { asked_port_ = port; }
  // What the clock is ahead of the real one.
  void set_ahead(Duration ahead) { ahead_ = ahead; }

  CertificatePtr certificate() const {
    const auto reading =
        live::FolderReader({folder_ / "m", "", "", folder_ / "state/acme/certificates"})
            .read(nullptr);
    const auto found = find_certificate(reading->certificates, host);
    REQUIRE(found.ok());
    return *found;
  }

  // One pass. The steps that were done, each with "; ", and why one was put off.
  std::string pass() {
    const auto seen = decode_attempts(files().call(list_attempts()));
    REQUIRE(seen.ok());
    AcmeInput input{&platform_, &keys_, &memory_, now(), {{host, certificate()}}, &*seen};
    Plan plan;
    report = Report();
    diff_acme(input, plan, report);
    std::string text;
    for (const Step& step : plan.steps()) {
      const std::string name = step.verb + " " + step.resource;
      const Outcome outcome = judge_acme(step, carry_out(step));
      if (outcome.next != Outcome::Next::done) {
        memory_.troubles[name] = {outcome.error.message, 1, now().steady};
        return text + "put off: " + outcome.error.message;
      }
      memory_.troubles.erase(name);
      if (!step.count_as.empty()) memory_.counters[step.count_as] = {1, now().steady};
      text += step.verb + "; ";
    }
    return text;
  }
  std::size_t attempts() const {
    return decode_attempts(files().call(list_attempts()))->attempts.size();
  }

  Report report;

 private:
  Instant now() const {
    return {std::chrono::steady_clock::now().time_since_epoch() + ahead_,
            std::chrono::system_clock::now().time_since_epoch() + ahead_};
  }
  live::FileStore files() const { return live::FileStore(platform_.folders, false); }

  Answer carry_out(const Step& step) {
    if (const auto* file = std::get_if<FileCall>(&step.request)) return files().call(*file);
    if (const auto* http = std::get_if<HttpCall>(&step.request)) {
      HttpCall call = *http;
      if (call.endpoint == host + ":80") {
        call.endpoint = "127.0.0.1:" + std::to_string(asked_port_);
      }
      return http_->call(call);
    }
    CHECK(is_order(std::get<ProcessCall>(step.request), platform_));
    return programs_->call(std::get<ProcessCall>(step.request));
  }

  TempFolder folder_;
  Platform platform_;
  Keys keys_{"0123456789abcdef", Secret(std::string(32, 'k'))};
  Memory memory_;
  Duration ahead_{0};
  WebServer web_;
  int asked_port_;
  Authority authority_;
  std::unique_ptr<live::HttpClient> http_;
  std::unique_ptr<live::ProcessRunner> programs_;
};

TEST_CASE("a certificate is got by ACME, and renewed while the old one is kept") {
  Orders orders;
  CHECK(orders.pass() == "write; check; ask; record; order; ");
  const CertificatePtr got = orders.certificate();
  REQUIRE(got);
  CHECK(got->acme);
  CHECK(got->source == "ACME " + host + ".crt");
  CHECK(got->names == std::vector<std::string>{host});
  const std::string& pem = got->pem.reveal();
  CHECK(pem.find("BEGIN CERTIFICATE") != pem.rfind("BEGIN CERTIFICATE"));
  CHECK(orders.pass().empty());
  CHECK(orders.report.resources.empty());
  orders.set_ahead((got->ends - got->begins) * 3 / 4);
  CHECK(orders.pass() == "write; check; ask; record; order; remove; ");  // the old record
  const CertificatePtr renewed = orders.certificate();
  REQUIRE(renewed);
  CHECK(renewed->id != got->id);
  orders.set_ahead(Duration(0));
  CHECK(orders.pass().empty());
}

TEST_CASE("a CA that is down costs no order, and what there is goes on serving") {
  Orders orders;
  orders.pass();
  const CertificatePtr got = orders.certificate();
  REQUIRE(got);
  orders.authority().stop();
  orders.set_ahead((got->ends - got->begins) * 3 / 4);
  CHECK(orders.pass().find("write; check; put off: the CA: no answer (") == 0);
  CHECK(orders.attempts() == 1);
  CHECK(orders.pass().empty());
  CHECK(orders.report.message.find("the CA: no answer (") != std::string::npos);
  CHECK(orders.certificate()->id == got->id);
  orders.authority().start();
  orders.set_ahead((got->ends - got->begins) * 3 / 4 + hours(1));
  CHECK(orders.pass().find("write; check; ask; record; ") == 0);
}

TEST_CASE("an account that the CA does not know any more is made anew") {
  Orders orders;
  orders.pass();
  const CertificatePtr got = orders.certificate();
  REQUIRE(got);
  orders.authority().stop();
  orders.authority().start();
  orders.set_ahead((got->ends - got->begins) * 3 / 4);
  const std::string first = orders.pass();
  CHECK(first.find("write; check; ask; record; put off: ") == 0);
  CHECK(first.find("accountDoesNotExist") != std::string::npos);
  CHECK(orders.certificate()->id == got->id);
  CHECK(orders.pass() == "write; check; ask; remove; record; order; remove; ");
  CHECK(orders.certificate()->id != got->id);
}

TEST_CASE("an account that was deactivated is made anew") {
  Orders orders;
  orders.pass();
  const CertificatePtr got = orders.certificate();
  REQUIRE(got);
  httplib::SSLClient authority("localhost", orders.authority().port());
  authority.enable_server_certificate_verification(false);
  CHECK(deactivate_account(orders.folder() / "state/acme/accounts", authority)
            .find("\"deactivated\"") != std::string::npos);
  orders.set_ahead((got->ends - got->begins) * 3 / 4);
  CHECK(orders.pass().find("error:unauthorized :: Account has been deactivated") !=
        std::string::npos);
  CHECK(orders.certificate()->id == got->id);
  CHECK(orders.pass() == "write; check; ask; remove; record; order; remove; ");
  CHECK(orders.certificate()->id != got->id);
}

TEST_CASE("a name that does not lead here costs no order") {
  Orders orders;
  const WebServer elsewhere(orders.folder() / "elsewhere");
  orders.lead_to(elsewhere.port());
  CHECK(orders.pass().find("write; put off: http://" + host + ":80/") == 0);
  CHECK(orders.report.health == HealthState::healthy);
  CHECK(orders.pass().empty());
  CHECK(orders.report.message.find("answered 404; the name must lead to this host") !=
        std::string::npos);
  CHECK(orders.attempts() == 0);
}

TEST_CASE("what the CA refuses is told in its words, and not ordered again for an hour") {
  Orders orders(Orders::Misled::ca);
  const std::string first = orders.pass();
  CHECK(first.find("write; check; ask; record; put off: [" + host + "] acme: error: ") == 0);
  CHECK_FALSE(orders.certificate());
  CHECK(orders.attempts() == 1);
  CHECK(orders.pass().empty());
  CHECK(orders.report.message.find("acme: error: ") != std::string::npos);
  orders.set_ahead(minutes(59));
  CHECK(orders.pass().empty());
  orders.set_ahead(minutes(61));
  CHECK(orders.pass().find("record; ") != std::string::npos);
  CHECK(orders.attempts() == 2);
}

}  // namespace
}  // namespace fairlead::nginx
