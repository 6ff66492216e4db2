#include <doctest/doctest.h>

#include "tests/certificate_maker.h"
#include "tests/live/edge_host.h"

// The protocols that are spoken before and behind a real nginx: curl asks the edge, and the app is
// a second nginx, which says what came to it.
namespace fairlead::testing {
namespace {

// gRPC as an app speaks it: HTTP/2 without TLS, with trailers; and HTTPS. 8081 says what it was
// told, and is asked by health checks.
constexpr char second_nginx[] = R"(daemon off;
user root;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_max_body_size 0;
  proxy_set_header X-Seen "$server_protocol $scheme $request_method $http_host";
  proxy_set_header X-More "$http_te|$http_x_forwarded_proto|$ssl_server_name|$request_body";
  server {
    listen 8080 http2;
    location / {
      proxy_pass http://127.0.0.1:8081;
      # Takes the length off: a gRPC answer has none, and who knows it does not wait for trailers.
      ssi on;
      ssi_types text/plain;
      add_trailer grpc-status 0;
      add_trailer grpc-message well;
    }
    location /cut { return 200 "no trailer\n"; }
  }
  server {
    listen 8443 ssl;
    ssl_certificate /run/secrets/CRT;
    ssl_certificate_key /run/secrets/KEY;
    location / { proxy_pass http://127.0.0.1:8081; }
  }
  server {
    listen 8081;
    location / { return 200 "$http_x_seen|$http_x_more\n"; }
  }
}
)";

std::string app_manifest(const std::string& app, const std::string& expose) {
  return "name: " + app + "\nimage: fairlead/nginx:1\nexpose:\n- {" + expose +
         "}\ncommand: [nginx, -c, /run/secrets/CONF]\n"
         "secrets: {CONF: {file: app.conf}, CRT: {file: app.crt}, KEY: {file: app.key}}\n"
         "health: {http: /up, port: 8081, interval: 200ms}\ndeploy: {drain: 1s}\n";
}

void put_app(const EdgeHost& edge, const std::string& app, const std::string& expose) {
  Wish wish;
  wish.common_name = "nobody.test";  // it need not be the edge's name of the app
  const MadeCertificate made = make_certificate(wish);
  edge.secret("app.conf", second_nginx);
  edge.secret("app.crt", made.crt());
  edge.secret("app.key", made.pem_key());
  edge.host().put(app + ".yml", app_manifest(app, expose));
}

struct Curled {
  int code = 0;         // as curl ends
  std::string version;  // "2", "1.1"
  std::string status;   // "200"
  std::string head;     // and trailers, behind an empty line
  std::string body;
};

Curled curl(const EdgeHost& edge, const WebRequest& request, std::vector<std::string> words) {
  static int calls = 0;
  const std::string out = edge.host() / ("curl." + std::to_string(++calls));
  const std::string port = std::to_string(request.port);
  const std::vector<std::string> usual = {"/usr/bin/curl",
                                          "-sk",
                                          "--max-time",
                                          "10",
                                          "--resolve",
                                          request.host + ":" + port + ":127.0.0.1",
                                          "-D",
                                          out + ".head",
                                          "-o",
                                          out + ".body",
                                          "-w",
                                          "%{http_version} %{http_code}"};
  words.insert(words.begin(), usual.begin(), usual.end());
  words.push_back((request.tls ? "https://" : "http://") + request.host + ":" + port +
                  request.path);
  Child::Setup setup;
  setup.output = out;
  const std::optional<int> code = Child(words, setup).wait(seconds(15));
  REQUIRE(code.has_value());
  const std::string said = read_text(out);
  const std::size_t blank = std::min(said.find(' '), said.size());
  return {*code, said.substr(0, blank), said.substr(std::min(blank + 1, said.size())),
          read_text(out + ".head"), read_text(out + ".body")};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::vector<std::string> call = {"--http2", "-H",           "Content-Type: application/grpc",
                                       "-H",      "TE: trailers", "--data-binary",
                                       "ping"};

TEST_CASE("gRPC passes through: HTTP/2 on both sides, the call's body, and the trailers") {
  EdgeHost edge;
  const std::string app = edge.host().name("grpc");
  const std::string name = EdgeHost::name_of(app);
  put_app(edge, app, "proto: grpc, port: 8080");
  edge.until_status("the app answers", edge.https(app), 200);
  const Curled reply = curl(edge, edge.https(app, "/echo.Echo/Say"), call);
  CAPTURE(reply.head);
  CHECK(reply.code == 0);
  CHECK(reply.version == "2");
  CHECK(reply.body == "HTTP/2.0 http POST " + name + ":18443|trailers|https||ping\n");
  const std::string trailers = reply.head.substr(reply.head.find("\r\n\r\n") + 4);
  CHECK(has(trailers, "grpc-status: 0\r\n"));
  CHECK(has(trailers, "grpc-message: well\r\n"));
  const Curled bare = curl(edge, edge.https(app, "/cut"), call);
  CHECK(bare.body == "no trailer\n");
  CHECK(!has(bare.head, "grpc-status"));
  // Without TLS the edge speaks no HTTP/2: who comes so is sent to where it does.
  const Curled plain = curl(edge, edge.http(app, "/echo.Echo/Say"), call);
  CHECK(plain.status == "308");
  CHECK(has(plain.head, "https://" + name + ":18443/echo.Echo/Say"));
  CHECK(edge.route(name)["proto"].as_string() == "grpc");
}

TEST_CASE("an app that speaks TLS itself is reached by TLS, under its host name") {
  EdgeHost edge;
  const std::string app = edge.host().name("tls");
  const std::string name = EdgeHost::name_of(app);
  put_app(edge, app, "proto: https, port: 8443, body_limit: 1M");
  edge.until_status("the app answers", edge.http(app), 200);
  CHECK(fetch(edge.http(app)).body == "HTTP/1.1 https GET " + name + "||http|" + name + "|\n");
  const Curled reply = curl(edge, edge.https(app), {"--data-binary", "ping"});
  CHECK(reply.version == "2");
  CHECK(reply.body == "HTTP/1.1 https POST " + name + ":18443||https|" + name + "|ping\n");
  WebRequest large = edge.https(app);
  large.method = "POST";
  large.body.assign(1'100'000, 'x');
  CHECK(fetch(large).status == 413);
  CHECK(edge.route(name)["upstreams"].items().at(0).as_string().ends_with(":8443"));

  // The same port taken for plain HTTP: nginx there says so, and it is not hidden.
  edge.host().put(app + ".yml", app_manifest(app, "proto: http, port: 8443"));
  edge.until_status("the app is asked in plain HTTP", edge.http(app), 400);
}

TEST_CASE("HTTP/2 is spoken over TLS to who offers it, and nowhere else") {
  EdgeHost edge;
  const std::string app = edge.host().name("two");
  edge.deploy(app, 1);
  const Curled two = curl(edge, edge.https(app, "/headers"), {"--http2"});
  CHECK(two.version == "2");
  CHECK(has(two.body, "GET /headers HTTP/1.1\r\n"));
  CHECK(curl(edge, edge.https(app), {"--http1.1"}).version == "1.1");
  CHECK(curl(edge, edge.https(app), {"--no-alpn"}).version == "1.1");
  const Curled asked = curl(edge, edge.http(app, "/headers"), {"--http2"});
  CHECK(asked.version == "1.1");
  CHECK(has(asked.body, "GET /headers HTTP/1.1\r\n"));
  CHECK(!has(asked.body, "h2c"));
  CHECK(curl(edge, edge.http(app), {"--http2-prior-knowledge"}).status == "000");
  const auto log =
      edge.host().engine().call("GET", "/containers/" + edge.edge_id() + "/logs?stderr=1");
  REQUIRE(log.ok());
  CHECK_MESSAGE(!has(log.text, "deprecated"), log.text);
}

}  // namespace
}  // namespace fairlead::testing
