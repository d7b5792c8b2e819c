import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Properties;

/** What a user of clickhouse-jdbc does; prints one line of what it saw. */
public class Query {
  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    properties.setProperty("user", "default");
    for (int i = 1; i < arguments.length; i += 2) {
      properties.setProperty(arguments[i], arguments[i + 1]);
    }
    try (Connection connection = DriverManager.getConnection(arguments[0], properties);
        Statement statement = connection.createStatement()) {
      statement.execute("DROP TABLE IF EXISTS t");
      statement.execute("CREATE TABLE t (id UInt64, name String, v Nullable(Float64)) ENGINE = MergeTree ORDER BY id");
      insert(connection);
      StringBuilder seen = new StringBuilder();
      try (ResultSet r = statement.executeQuery("SELECT count(), sum(id), max(name), countIf(v IS NULL) FROM t")) {
        r.next();
        seen.append(r.getLong(1)).append(' ').append(r.getLong(2)).append(' ').append(r.getString(3)).append(' ');
        seen.append(r.getLong(4));
      }
      try (PreparedStatement one = connection.prepareStatement("SELECT name FROM t WHERE id = ?")) {
        one.setLong(1, 7);
        try (ResultSet r = one.executeQuery()) {
          r.next();
          seen.append(' ').append(r.getString(1));
        }
      }
      long digits = 0;
      try (ResultSet r = statement.executeQuery("SELECT toString(number) FROM numbers(500000)")) {
        while (r.next()) {
          digits += r.getString(1).length();
        }
      }
      seen.append(' ').append(digits);
      try {
        statement.executeQuery("SELECT * FROM nowhere");
      } catch (SQLException e) {
        seen.append(' ').append(e.getMessage().contains("UNKNOWN_TABLE"));
      }
      System.out.println(seen);
    }
  }

  private static void insert(Connection connection) throws SQLException {
    try (PreparedStatement rows = connection.prepareStatement("INSERT INTO t (id, name, v) VALUES (?, ?, ?)")) {
      for (int i = 0; i < 1000; i++) {
        rows.setLong(1, i);
        rows.setString(2, "n'" + i);
        if (i % 2 == 0) {
          rows.setDouble(3, i / 2.0);
        } else {
          rows.setNull(3, Types.DOUBLE);
        }
        rows.addBatch();
      }
      rows.executeBatch();
    }
  }
}
