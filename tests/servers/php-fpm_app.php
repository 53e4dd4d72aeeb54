<?php
/* php-fpm_app.php: answers that depend on the request alone. Each request has connections of its own to PostgreSQL
 * ($TEST_DATABASE), Redis ($TEST_REDIS, a socket) and an HTTP server ($TEST_UPSTREAM, a port).
 *
 *     /size/N  /stream/N  /echo  /upload  /file/NAME  /database/N  /pdo/N  /redis/N  /curl/N  /fetch/N  /program/N
 *     /session/N  /resolve/N  /error/N */

[, $kind, $what] = explode('/', strtok($_SERVER['REQUEST_URI'], '?')) + ['', '', ''];
$number = (int) $what;
$upstream = 'http://127.0.0.1:' . getenv('TEST_UPSTREAM');
header('Content-Type: text/plain');

function piece(int $number): string
{
    return hash('sha256', (string) $number);
}

function transfer(string $url)
{
    $handle = curl_init($url);
    curl_setopt_array($handle, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 20]);
    return $handle;
}

switch ($kind) {
case 'size':
    echo substr(str_repeat(piece($number), intdiv($number, 64) + 1), 0, $number);
    break;
case 'stream':
    for ($i = 0; $i < $number; $i += 1000) {
        echo str_repeat(piece($i)[0], min(1000, $number - $i));
        flush();
    }
    break;
case 'echo':
    readfile('php://input');
    break;
case 'upload':
    $file = $_FILES['file'];
    $place = sys_get_temp_dir() . '/upload-' . getmypid();
    echo move_uploaded_file($file['tmp_name'], $place) ? hash_file('sha256', $place) : 'no file', ' ', $file['name'];
    unlink($place);
    break;
case 'file':
    readfile(getenv('TEST_SITE') . '/' . basename($what));
    break;
case 'database':
    $connection = pg_connect(getenv('TEST_DATABASE'), PGSQL_CONNECT_FORCE_NEW);
    $query = 'SELECT n, md5(n::text) FROM generate_series(1, $1::int) n';
    $rows = pg_fetch_all(pg_query_params($connection, $query, [$number]));
    echo count($rows), ' ', json_encode(end($rows));
    pg_close($connection);
    break;
case 'pdo':
    $connection = new PDO('pgsql:' . strtr(getenv('TEST_DATABASE'), ' ', ';'));
    $query = $connection->prepare('SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, ?::int) n');
    $query->execute([$number]);
    echo hash('sha256', json_encode($query->fetchAll(PDO::FETCH_NUM)));
    break;
case 'redis':
    $redis = new Redis();
    $redis->connect(getenv('TEST_REDIS'));
    $key = "php:$number";
    echo json_encode([$redis->set($key, str_repeat(piece($number), 100)), $redis->get($key), $redis->strlen($key)]);
    echo json_encode($redis->multi()->incr("$key:count")->del("$key:count")->exec());
    $redis->close();
    break;
case 'curl':
    echo hash('sha256', curl_exec(transfer("$upstream/bytes/$number")));
    $several = curl_multi_init();
    $handles = [];
    foreach ([1, 1000, 20000] as $size) {
        $handles[] = $handle = transfer("$upstream/chunked/$size");
        curl_multi_add_handle($several, $handle);
    }
    do {
        curl_multi_exec($several, $running);
        curl_multi_select($several, 1);
    } while ($running);
    foreach ($handles as $handle) echo ' ', hash('sha256', curl_multi_getcontent($handle));
    break;
case 'fetch':
    echo file_get_contents("$upstream/bytes/$number");
    break;
case 'program':
    $process = proc_open(['sha256sum'], [['pipe', 'r'], ['pipe', 'w']], $pipes);
    fwrite($pipes[0], piece($number));
    fclose($pipes[0]);
    echo stream_get_contents($pipes[1]), proc_close($process), shell_exec("echo $number");
    break;
case 'session':
    session_id("test$number");
    session_start();
    $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
    session_write_close();
    session_start();
    echo $_SESSION['count'];
    session_destroy();
    break;
case 'resolve':
    echo gethostbyname('localhost');
    break;
case 'error':
    throw new RuntimeException("request $number is wrong");
default:
    http_response_code(404);
}
