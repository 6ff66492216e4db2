#include "tests/live/services.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <memory>
#include <optional>

namespace fairlead::testing {
namespace {

constexpr char database_port[] = ":3306";
constexpr int management_port = 15672;
constexpr int web_port = 8080;
constexpr seconds start_limit{240};
constexpr seconds make_limit{300};

std::string deployed(const std::string& path) {
  return read_text(std::string(FAIRLEAD_SOURCE_DIR) + "/deploy/" + path);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE_MESSAGE(at != text.npos, "\"" << from << "\" is not in\n" << text);
  return text.replace(at, from.size(), to);
}

// Without the fuse: the tests take away many manifests, one after the other.
std::string settings() {
  return "engine: {resync: 2s, host: \"unix://" + LiveEngine::default_socket() +
         "\"}\nprune: {grace: 300ms, fuse_apps: 100}\n";
}

// All objects of a service have fixed names, whose installation it may be.
void check_names_are_free(const LiveEngine& engine) {
  for (const std::string service : {"mariadb", "rabbitmq"}) {
    for (const std::string& path : {"/networks/" + service, "/volumes/" + service + ".data"}) {
      REQUIRE_MESSAGE(!engine.call("GET", path).ok(),
                      "this engine has " << path
                                         << " already, which these tests would make: stop the "
                                            "fairlead that runs the service, remove it, try again");
    }
  }
}

void make_images(const LiveHost& host) {
  Child::Setup setup;
  setup.output = host / "images.log";
  Child make(
      {std::string(FAIRLEAD_SOURCE_DIR) + "/deploy/images/make", "mariadb", "rabbitmq", "ledger"},
      setup);
  const std::optional<int> code = make.wait(make_limit);
  REQUIRE_MESSAGE(code == 0, read_text(setup.output));
}

LiveEngine::Reply send(httplib::Client& client, const httplib::Request& request) {
  const httplib::Result result = client.send(request);
  if (!result) return {0, httplib::to_string(result.error()), {}};
  const Result<Json> body = Json::parse(result->body);
  return {result->status, result->body, body ? *body : Json()};
}

}  // namespace

Services::Services() : host_(settings()) {
  check_names_are_free(host_.engine());
  make_images(host_);
  host_.put("mariadb.yml", replaced(deployed("platform/mariadb.yml"), "image: mariadb:10.11",
                                    "image: fairlead/mariadb:1"));
  host_.put("rabbitmq.yml", replaced(deployed("platform/rabbitmq.yml"),
                                     "image: rabbitmq:3-management", "image: fairlead/rabbitmq:1"));
  host_.start();
  host_.until_well({"mariadb", "rabbitmq"}, start_limit);
}

std::unique_ptr<Services>& Services::held() {
  static std::unique_ptr<Services> services;
  return services;
}

Services& Services::running() {
  static bool tried = false;
  std::unique_ptr<Services>& services = held();
  REQUIRE_MESSAGE((services || !tried), "the services did not start, see the first test");
  tried = true;
  if (!services) services.reset(new Services());
  return *services;
}

std::string Services::address(const std::string& name) const { return address_of(service(name)); }

std::string Services::password_of(const std::string& name) const {
  const Json seen = service(name);
  for (const Json& mount : seen["Mounts"].items()) {
    if (mount["Destination"].as_string().starts_with("/run/secrets/")) {
      return read_text(mount["Source"].as_string());
    }
  }
  FAIL("no secret is mounted into " << name);
  return "";
}

Answer Services::ask(const Login& login, const std::string& statement,
                     live::SqlClient& client) const {
  SqlCall call;
  call.endpoint = address("mariadb") + database_port;
  call.login = login;
  call.statement = statement;
  return client.call(call);
}

Answer Services::ask(const Login& login, const std::string& statement) const {
  live::SqlClient client(false);
  return ask(login, statement, client);
}

Services::Rows Services::rows(const std::string& statement) const {
  const Answer answer = ask({"root", Secret(password_of("mariadb")), ""}, statement);
  REQUIRE_MESSAGE(answer.ok(), statement << ": " << answer.status << " " << answer.error);
  const Result<Json> body = Json::parse(answer.body);
  REQUIRE(body.ok());
  Rows all;
  for (const Json& row : body->items()) {
    all.emplace_back();
    for (const Json& text : row.items()) {
      all.back().push_back(text.is_null() ? "NULL" : text.as_string());
    }
  }
  return all;
}

std::string Services::value(const std::string& statement) const {
  const Rows all = rows(statement);
  REQUIRE_MESSAGE((all.size() == 1 && all[0].size() == 1), statement);
  return all[0][0];
}

void Services::change(const std::string& statement) const { rows(statement); }

LiveEngine::Reply Services::bus(const std::string& method, const std::string& path,
                                const Json& body) const {
  const Login login{"fairlead", Secret(password_of("rabbitmq")), ""};
  return ask_bus(address("rabbitmq"), login, method, path, body);
}

void Services::change_bus(const std::string& method, const std::string& path,
                          const Json& body) const {
  const LiveEngine::Reply reply = bus(method, path, body);
  REQUIRE_MESSAGE(reply.ok(), method << " " << path << ": " << reply.status << " " << reply.text);
}

bool Services::bus_knows(const Login& login) const {
  return is_known(ask_bus(address("rabbitmq"), login, "GET", "/whoami"));
}

LiveEngine::Reply ask_bus(const std::string& address, const Login& login, const std::string& method,
                          const std::string& path, const Json& body) {
  httplib::Client client(address, management_port);
  client.set_basic_auth(login.user, login.password.reveal());
  httplib::Request request;
  request.method = method;
  request.path = "/api" + path;
  if (method != "GET") {
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body.is_null() ? "{}" : body.dump();
  }
  return send(client, request);
}

bool is_known(const LiveEngine::Reply& reply) {
  const std::string& reason = reply.body["reason"].as_string();
  return reply.ok() || (reply.status == 401 && reason.find("management") != reason.npos);
}

std::string variable(const Json& container, const std::string& name) {
  for (const Json& entry : container["Config"]["Env"].items()) {
    const std::string& text = entry.as_string();
    if (text.starts_with(name + "=")) return text.substr(name.size() + 1);
  }
  return "";
}

std::string address_of(const Json& container) {
  const std::string app = container["Config"]["Labels"]["fairlead.app"].as_string();
  return container["NetworkSettings"]["Networks"][app]["IPAddress"].as_string();
}

Login database_login(const Json& container) {
  return {variable(container, "DB_USERNAME"), Secret(variable(container, "DB_PASSWORD")), ""};
}

Login bus_login(const Json& container) {
  return {variable(container, "RABBITMQ_USER"), Secret(variable(container, "RABBITMQ_PASSWORD")),
          ""};
}

std::string counter(const std::string& app, int rotation, bool storage) {
  const std::string number = std::to_string(rotation);
  std::string text = deployed("examples/visits-worker.yml");
  text = replaced(text, "name: counter", "name: " + app);
  if (storage) text = replaced(text, "\nneeds:\n", "\nneeds:\n- storage\n");
  text = replaced(text, "database: {", "database: {rotation: " + number + ", ");
  return replaced(text, "- messagebus", "- messagebus: {rotation: " + number + "}");
}

LiveEngine::Reply web(const std::string& address, const std::string& path) {
  httplib::Client client(address, web_port);
  httplib::Request request;
  request.method = "GET";
  request.path = path;
  return send(client, request);
}

}  // namespace fairlead::testing
