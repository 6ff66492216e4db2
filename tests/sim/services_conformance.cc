#include "tests/sim/services_conformance.h"

#include "providers/mariadb/marks.h"
#include "providers/mariadb/sql.h"
#include "providers/rabbitmq/accounts.h"
#include "providers/rabbitmq/requests.h"
#include "reconciler/json.h"

namespace fairlead::sim {
namespace {

namespace db = mariadb;
using Step = ServiceStep;
using Row = ServiceRow;

const char* const name = "conf-app";

Step sql(const std::string& statement, int status = 200) {
  Step step;
  step.method = "SQL";
  step.what = statement;
  step.status = status;
  return step;
}

Step http(const std::string& method, const std::string& path, int status,
          const Json& body = Json()) {
  Step step;
  step.method = method;
  step.what = path;
  step.status = status;
  if (!body.is_null()) step.body = body.dump();
  return step;
}
Step get(const std::string& path, int status = 200) { return http("GET", path, status); }

std::string hash(const std::string& password) { return db::password_hash(Secret(password)); }
Step version(int status) { return sql(db::select_version(), status); }

std::vector<Row> database_rows() {
  const db::Target target{db::Target::Kind::database, name, ""};
  const db::Target everywhere{db::Target::Kind::global, "", ""};
  const db::Account own{name};
  const Step database = sql(db::create_database(name, "fairlead conf"));
  const Step user = sql(db::create_user(name, hash("one"), 7));
  const Step drop_user = sql(db::drop_user(name));
  const Step drop_database = sql(db::drop_database(name));
  const Step seen = sql(db::select_seen(name));
  return {
      {"a database is made once and dropped once",
       {database, sql(db::create_database(name, "again"), 1007), Step(seen).with("fairlead conf"),
        drop_database, sql(db::drop_database(name), 1008)}},
      {"an account is made once and dropped once",
       {user, sql(db::create_user(name, hash("two"), 0), 1396), Step(seen).with(hash("one")),
        drop_user, sql(db::drop_user(name), 1396),
        sql(db::alter_user(name, {hash("one")}, 0), 1396), sql(db::lock_user(name), 1396)}},
      {"a grant to nobody is refused", {sql(db::grant(name), 1133)}},
      {"a grant needs no database, and outlives it",
       {user, sql(db::grant(name)), database, drop_database,
        Step(seen).with("YYYYYYYYYYYYYYYYYYNN"), drop_user, Step(seen).without("YYYY")}},
      {"what is not held is not revoked",
       {user, sql(db::revoke_all(target, own), 1141), sql(db::grant(name)),
        sql(db::revoke_all(target, own)), Step(seen).without("YYYY"), drop_user}},
      {"either of two passwords opens, and then the one",
       {user, version(1045).as(name, "two"),
        sql(db::alter_user(name, {hash("one"), hash("two")}, 0)), version(200).as(name, "one"),
        version(200).as(name, "two"), Step(seen).with("auth_or"),
        sql(db::alter_user(name, {hash("two")}, 0)), version(1045).as(name, "one"),
        version(200).as(name, "two"), Step(seen).with("auth_or"), drop_user}},
      {"a locked account opens no more, until it is altered",
       {user, sql(db::lock_user(name)), version(4151).as(name, "one"),
        Step(seen).with("account_locked"), sql(db::alter_user(name, {hash("one")}, 0)),
        version(200).as(name, "one"), drop_user}},
      {"revoking everywhere takes nothing that is not there, and of nobody is refused",
       {sql(db::revoke_all(target, own), 1141), sql(db::revoke_all(everywhere, own), 1141), user,
        sql(db::revoke_all(everywhere, own)), sql(db::revoke_grant_option(target, own), 1141),
        sql(db::grant(name)), sql(db::revoke_grant_option(target, own)),
        sql(db::revoke({"DELETE HISTORY"}, name)), Step(seen).with("YYYYYYYYYYYYYYYYYYNN"),
        drop_user}},
      {"a role that nobody has is not revoked",
       {user, sql(db::revoke_role("conf-role", name), 1959), drop_user}},
      {"a session that is not there is not killed", {sql(db::kill("99999999"), 1094)}},
      {"what is no statement is refused", {sql("MAKE DATABASE conf", 1064)}},
  };
}

std::vector<Row> bus_rows() {
  const std::string vhost = std::string("/api/vhosts/") + name;
  const std::string user = std::string("/api/users/") + name;
  const std::string permission = std::string("/api/permissions/") + name + "/" + name;
  const std::string limit = std::string("/api/vhost-limits/") + name;
  const std::string policy = rabbitmq::policy_path(rabbitmq::PolicyKind::size, name);
  const std::string plain_policy = rabbitmq::policy_path(rabbitmq::PolicyKind::overflow, name);
  const std::string user_limit = std::string("/api/user-limits/") + name + "/max-connections";
  const Json five = Json::object({{"value", 5}});
  const std::string hashed = rabbitmq::hash_password("salt", Secret("one"));
  const Json made = Json::object({{"description", "conf"}, {"tags", "conf-tag"}});
  const Json account = Json::object({{"password_hash", hashed},
                                     {"hashing_algorithm", rabbitmq::hashing_algorithm},
                                     {"tags", "administrator"}});
  const Json all = Json::object({{"configure", ".*"}, {"write", ".*"}, {"read", ".*"}});
  return {
      {"a vhost is made with 201, mended with 204, deleted once",
       {http("PUT", vhost, 201, made), http("PUT", vhost, 204, made), get(vhost).with("conf-tag"),
        http("DELETE", vhost, 204), http("DELETE", vhost, 404), get(vhost, 404)}},
      {"a user is made with a hash, and blanked by a PUT without one",
       {http("PUT", user, 201, account), get(user).with(hashed), get("/api/whoami").as(name, "one"),
        get("/api/whoami", 401).as(name, "two"),
        http("PUT", user, 204, Json::object({{"tags", "administrator"}})),
        get(user).without(hashed), get("/api/whoami", 401).as(name, "one"),
        http("DELETE", user, 204), http("DELETE", user, 404), get(user, 404)}},
      {"a user without tags in its request is refused",
       {http("PUT", user, 400, Json::object({{"password_hash", hashed}}))}},
      {"a user who is no administrator sees nothing",
       {http("PUT", user, 201, Json::object({{"password_hash", hashed}, {"tags", "conf-tag"}})),
        get("/api/whoami", 401).as(name, "one").with("Not management user"),
        http("DELETE", user, 204)}},
      {"a permission needs vhost and user, and goes with either",
       {http("PUT", permission, 400, all).with("vhost_or_user_not_found"),
        http("PUT", vhost, 201, made),
        http("PUT", permission, 400, all).with("vhost_or_user_not_found"),
        http("PUT", user, 201, account), http("PUT", permission, 201, all),
        http("PUT", permission, 204, all), get(user + "/permissions").with("\".*\""),
        http("DELETE", vhost, 204), get(user + "/permissions").without("\".*\""),
        http("DELETE", permission, 404), http("DELETE", user, 204)}},
      {"limits go with their vhost",
       {http("PUT", vhost, 201, made), http("PUT", limit + "/max-connections", 204, five),
        get(limit).with("max-connections"), http("DELETE", vhost, 204),
        http("PUT", vhost, 201, made), get(limit).without("max-connections"),
        http("DELETE", vhost, 204)}},
      {"policies go with their vhost, and an operator's knows no overflow",
       {http("PUT", policy, 404, rabbitmq::size_policy(5)), http("PUT", vhost, 201, made),
        http("PUT", policy, 400, rabbitmq::overflow_policy()),
        http("PUT", policy, 201, rabbitmq::size_policy(5)),
        http("PUT", policy, 204, rabbitmq::size_policy(6)),
        get(policy).with("\"max-length-bytes\":6"), get("/api/operator-policies").with(name),
        http("PUT", plain_policy, 201, rabbitmq::overflow_policy()),
        get(plain_policy).with("\"overflow\":\"reject-publish\""), http("DELETE", vhost, 204),
        http("PUT", vhost, 201, made), get(policy, 404), get(plain_policy, 404),
        http("DELETE", vhost, 204)}},
      {"a limit is set on what is there, and taken away more than once",
       {http("PUT", limit + "/max-connections", 404, five), get(limit, 404),
        http("PUT", vhost, 201, made), http("PUT", limit + "/max-connections", 204, five),
        http("DELETE", limit + "/max-connections", 204), get(limit).without("max-connections"),
        http("DELETE", limit + "/max-connections", 204), http("DELETE", vhost, 204)}},
      {"a user's limits show with the user, and go with it",
       {http("PUT", user_limit, 400, five).with("no_such_user"), http("PUT", user, 201, account),
        http("PUT", user_limit, 204, five), get(user).with("\"max-connections\":5"),
        http("DELETE", user_limit, 204), get(user).without("max-connections"),
        http("PUT", user_limit, 204, five), http("DELETE", user, 204),
        http("PUT", user, 201, account), get(user).without("max-connections"),
        http("DELETE", user, 204)}},
      {"what the API has not is not found", {get("/api/nothing", 404)}},
  };
}

Answer ask(ServiceTarget& target, const Step& step) {
  const Login login{step.user, Secret(step.password), ""};
  if (step.method == "SQL") {
    return step.user.empty() ? target.sql(step.what) : target.sql_as(login, step.what);
  }
  if (!step.user.empty()) return target.http_as(login, step.what);
  return target.http(step.method, step.what, step.body);
}

}  // namespace

ServiceStep& ServiceStep::with(const std::string& text) {
  says = text;
  return *this;
}
ServiceStep& ServiceStep::without(const std::string& text) {
  lacks = text;
  return *this;
}
ServiceStep& ServiceStep::as(const std::string& login, const std::string& secret) {
  user = login;
  password = secret;
  return *this;
}

const std::vector<ServiceRow>& service_table() {
  static const std::vector<Row> all = [] {
    std::vector<Row> made = database_rows();
    for (Row& row : bus_rows()) made.push_back(std::move(row));
    return made;
  }();
  return all;
}

std::vector<std::string> run_services(ServiceTarget& target, const ServiceRow& row) {
  std::vector<std::string> wrong;
  for (const Step& step : row.steps) {
    const Answer answer = ask(target, step);
    const bool says = answer.body.find(step.says) != std::string::npos;
    const bool lacks = step.lacks.empty() || answer.body.find(step.lacks) == std::string::npos;
    if (answer.status == step.status && says && lacks) continue;
    wrong.push_back(row.name + ": " + step.method + " " + step.what.substr(0, 80) + ": wanted " +
                    std::to_string(step.status) + " " + step.says + ", got " +
                    std::to_string(answer.status) + " " + answer.error +
                    answer.body.substr(0, 300));
  }
  return wrong;
}

}  // namespace fairlead::sim
