<?php
/* php-fpm_app.php: an answer for which a request asks a server of its own ($TEST_UPSTREAM, a port). */
$answer = file_get_contents('http://127.0.0.1:' . getenv('TEST_UPSTREAM') . '/f3');
header('Content-Type: text/plain');
echo strlen($answer), ' ', $_SERVER['REQUEST_URI'];
